"""The hub under attack: what it survives, what it keeps to itself, and how it speaks in private."""
