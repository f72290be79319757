"""The service of the integration tests, which these drive too."""

from tests.integration.inventory.conftest import database_url, inventory_server_url

__all__ = ["database_url", "inventory_server_url"]
