"""Starts the command line."""

from hubctl.app import hubctl

if __name__ == "__main__":
    hubctl(prog_name="hubctl")
