"""One file per step, named by revision."""
