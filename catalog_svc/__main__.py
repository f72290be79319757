"""Starts the catalog service."""

from catalog_svc.bootstrap import build
from catalog_svc.settings import CatalogSettings
from chassis.server import main

if __name__ == "__main__":
    main("catalog_svc", CatalogSettings, build)
