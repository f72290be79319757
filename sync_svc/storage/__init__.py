"""The schema `sync` and every statement on it."""
