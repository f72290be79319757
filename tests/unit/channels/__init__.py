"""The connectors on their own: wire, mapping, signatures and errors, without a network."""
