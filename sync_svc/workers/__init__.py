"""What runs in the background: reading the feeds, pushing listings, taking orders in."""
