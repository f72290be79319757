"""How the hub is put on a machine: `local` runs all of it from one command, `gateway` writes Envoy's configuration."""
