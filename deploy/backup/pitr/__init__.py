"""Back to any second: base backups of the whole cluster, and the write-ahead log of everything since, kept in the store."""
