"""Stock and prices on every marketplace channel: the service `usav.sync.v1.SyncService`."""
