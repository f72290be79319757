"""The hub as its operators see it."""
