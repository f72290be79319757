"""What every connector must do, driven over real sockets against the sandbox."""
