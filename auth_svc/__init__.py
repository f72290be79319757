"""Signing in, tokens, and the users of the hub."""
