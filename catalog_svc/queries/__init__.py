"""Reads of the catalogue: one statement each, compiled once, in autocommit."""
