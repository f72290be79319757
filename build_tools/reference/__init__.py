"""Pages and files that are written from the code, so that they say what it does: `make reference` writes them all.

A test fails when one of them no longer says what the code says.
"""
