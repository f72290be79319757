"""Reads that need no rules: SQL straight to the shape that is shown."""
