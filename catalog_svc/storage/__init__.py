"""Tables of the catalog schema and the statements that change and lock them. Knows SQL, no protos."""
