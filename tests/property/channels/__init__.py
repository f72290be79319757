"""The connectors against whatever JSON a platform may send."""
