"""Tables and the SQL on them. Knows the domain, and no protos."""
