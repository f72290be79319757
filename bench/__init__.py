"""`python -m bench`: measures the hub against what the machine can do, and prints ratios."""
