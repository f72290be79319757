"""Use cases: one function each, owning its transaction and keeping the network outside of it."""
