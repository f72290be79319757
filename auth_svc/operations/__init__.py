"""The use cases of the auth service, one module per verb and noun."""
