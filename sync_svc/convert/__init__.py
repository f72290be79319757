"""Between protos and the domain, both ways; pure."""
