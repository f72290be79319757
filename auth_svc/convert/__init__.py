"""Protos to domain and back, pure; one module per noun."""
