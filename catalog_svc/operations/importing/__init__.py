"""The import of a marketplace catalogue, stage by stage: read and stage, products and parts, bundles, listings."""
