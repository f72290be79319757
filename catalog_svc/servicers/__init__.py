"""The rpcs of CatalogService, a module per noun: each translates, makes one call, and translates back."""
