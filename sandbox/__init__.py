"""The marketplaces as they behave, for demos and tests: eBay with three sellers and one Ecwid store, on loopback only."""

from sandbox.sandbox import Sandbox

__all__ = ["Sandbox"]
