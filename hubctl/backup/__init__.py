"""`hubctl backup`: made, checked, restored, let go. Its parts are loaded when it is called, as no other command needs them."""

from __future__ import annotations

import click


class _Backup(click.Group):
    def list_commands(self, context: click.Context) -> list[str]:
        return sorted(_commands())

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        return _commands().get(name)


def _commands() -> dict[str, click.Command]:
    from hubctl.backup.commands import COMMANDS as made

    return {str(one.name): one for one in made}


@click.group(cls=_Backup)
def backup() -> None:
    """Backups: made from one moment, checked, sealed, kept by the calendar, restored (on the hub's own machine)."""


COMMANDS = [backup]
