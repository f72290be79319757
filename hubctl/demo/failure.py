"""Why a demo cannot go on, as a person reads it."""

import click


class DemoFailed(click.ClickException):
    """Something did not come about in time, or cannot; the text says what to look at."""
