"""What channels, listings and orders are, and the rules they follow; values in, values out."""
