"""The marketplaces as they behave, for demos and tests, on loopback only: eBay, Ecwid, Zoho Inventory and Amazon."""

from sandbox.sandbox import Sandbox

__all__ = ["Sandbox"]
