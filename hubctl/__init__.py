"""The hub's command line: the same gRPC API that everybody uses, as tables for people and JSON for scripts."""
