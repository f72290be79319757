"""Who the embedded Postgres runs as: the present user, or one of its own when that is root, which Postgres refuses.

Then it needs to reach its folder: parents get the right to be passed through (not listed), and nothing more.
"""

from __future__ import annotations

import logging
import os
import pwd
import shutil
import stat
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

log = logging.getLogger(__name__)

_NAME = "pgserver"
_READ_AND_PASS = stat.S_IRGRP | stat.S_IROTH | stat.S_IXGRP | stat.S_IXOTH
_READ = stat.S_IRGRP | stat.S_IROTH


@dataclass(frozen=True)
class PostgresUser:
    """The user of the server; an empty name is the present user, for whom nothing needs to be prepared."""

    name: str
    uid: int
    gid: int

    def own(self, path: Path) -> None:
        """Hands over a file, or a folder with all in it when it has another owner."""
        if not self.name or path.stat().st_uid == self.uid:
            return
        os.chown(path, self.uid, self.gid)
        for child in path.rglob("*") if path.is_dir() else ():
            os.chown(child, self.uid, self.gid, follow_symlinks=False)

    def let_reach(self, folder: Path) -> None:
        """Lets the user pass through the folder and its parents."""
        if not self.name:
            return
        for place in (folder, *folder.parents):
            mode = place.stat().st_mode
            if not mode & stat.S_IXOTH:
                place.chmod(mode | stat.S_IXOTH)
                if place != folder:
                    log.warning("other users may pass through %s now: Postgres runs as %s", place, self.name)

    def let_run(self, installation: Path) -> None:
        """Lets the user run the programs of the wheel, which an installer may have made private."""
        if not self.name:
            return
        self.let_reach(installation.parent)
        libraries = installation.parent.with_name(installation.parent.name + ".libs")
        for tree in (installation, libraries):
            if tree.exists() and not tree.stat().st_mode & stat.S_IROTH:
                _open_tree(tree)

    def subprocess_options(self) -> dict[str, Any]:
        """What `subprocess` needs to run something as this user."""
        return {"user": self.uid, "group": self.gid, "extra_groups": [], "cwd": "/"} if self.name else {}


def postgres_user() -> PostgresUser:
    """The user to run as; as root it makes one, and takes `nobody` where that cannot be done."""
    if os.geteuid() != 0:
        return PostgresUser("", os.geteuid(), os.getegid())
    entry = _find(_NAME) or _create(_NAME) or pwd.getpwnam("nobody")
    return PostgresUser(entry.pw_name, entry.pw_uid, entry.pw_gid)


def _find(name: str) -> pwd.struct_passwd | None:
    try:
        return pwd.getpwnam(name)
    except KeyError:
        return None


def _create(name: str) -> pwd.struct_passwd | None:
    if shutil.which("useradd"):
        command = ["useradd", "--system", "--user-group", "--no-create-home", "--shell", "/usr/sbin/nologin", name]
        subprocess.run(command, check=False, capture_output=True)
    return _find(name)


def _open_tree(tree: Path) -> None:
    for path in (tree, *tree.rglob("*")):
        mode = path.stat().st_mode
        executable = path.is_dir() or mode & stat.S_IXUSR
        path.chmod(mode | (_READ_AND_PASS if executable else _READ))
