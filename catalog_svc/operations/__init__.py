"""The changes of the catalogue. Each takes the connection of a transaction that the caller commits, and records what it did."""
