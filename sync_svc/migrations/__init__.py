"""The history of the schema `sync`."""
