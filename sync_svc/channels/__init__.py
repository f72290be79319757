"""Marketplaces: what the hub asks of one (`base`), and a folder per platform."""
