"""The use cases: one module each. They decide with the domain, write through storage, and know no protos."""
