"""The whole hub on one machine without containers: `python -m deploy.local run`, or `Hub` from tests, demo and bench."""
