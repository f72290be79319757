"""The rpcs of AuthService: each translates, calls one operation, and translates back."""
