"""Reads and writes of rows, one module per noun; no rule is decided here."""
