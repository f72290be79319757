"""Protos to domain values and back, pure, both directions."""
