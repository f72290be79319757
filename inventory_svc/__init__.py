"""Stock: one row per unit, holds that cannot overlap, an append-only ledger, and the feed of changes."""
