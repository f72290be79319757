"""The catalog service: what a thing is. Families, identities, variants, recipes, registries, search and the change feed."""
