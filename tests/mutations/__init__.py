"""The proof that the suite of stock proves something: each guard is taken away in turn, and the suite has to fail."""
