"""What a user, a session and a password are, and the rules they keep; no I/O."""
