"""Between the contract and the catalogue: `requests` reads what callers ask for, `messages` builds what they get. Pure."""
