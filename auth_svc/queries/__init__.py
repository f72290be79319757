"""Reads that need no rule: SQL straight to a page; one module per noun."""
