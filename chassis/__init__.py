"""What every service of the hub is bolted onto: server, settings, database, errors, feeds.

It names no business noun. Imports run one way: service -> chassis -> libraries.
"""
