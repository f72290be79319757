"""Reads that need no rules: SQL straight to what is shown."""
