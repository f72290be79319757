"""The rpcs by subject: each translates, calls one operation or query, and translates back."""
