"""Starts the inventory service."""

from chassis.server import main
from inventory_svc.bootstrap import build
from inventory_svc.settings import InventorySettings

if __name__ == "__main__":
    main("inventory_svc", InventorySettings, build)
