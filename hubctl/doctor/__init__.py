"""`hubctl doctor`: looks at everything an operator would look at, and says what to do about what it finds."""

from hubctl.doctor.command import COMMANDS

__all__ = ["COMMANDS"]
