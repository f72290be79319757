"""Builds a Dockerfile without a container engine: its steps run in scratch folders, with this machine as the base image.

What an image holds, says and runs is real; what is not there is the engine's isolation: paths below /opt/hub, /secrets,
/backups and /wal are mapped into the folder, all others are this machine's. Owners and users are not changed.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

_MAPPED = re.compile(r"(?<![\w/.-])/(opt/hub|secrets|backups|wal)(?=[/:\s\"']|$)")
_KEPT = ("HOME", "LANG", "TMPDIR", "SSL_CERT_FILE")


@dataclass(frozen=True)
class Image:
    """What one stage has come to."""

    root: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    folder: str = "/"
    user: str = ""
    entrypoint: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    probe: tuple[str, ...] = ()

    def mapped(self, text: str) -> str:
        """The text with the image's own paths as they are on this machine."""
        return _MAPPED.sub(lambda found: f"{self.root}/{found[1]}", text)

    def path(self, inside: str) -> Path:
        """Where a path of the image is on this machine."""
        return self.root / str(Path(self.folder) / inside).lstrip("/")

    def environ(self, given: Mapping[str, str]) -> dict[str, str]:
        """Of a process that runs in it."""
        own = {name: self.mapped(value) for name, value in {**self.environment, **given}.items()}
        return {"PATH": os.environ["PATH"], **own}

    def start(
        self, command: tuple[str, ...], given: Mapping[str, str], log: Path, *, bare: bool = False
    ) -> subprocess.Popen[bytes]:
        """Runs a command, by the entry point unless it is `bare`, as an engine would."""
        words = command if bare else (*self.entrypoint, *(command or self.command))
        environ = self.environ(given)
        program = shutil.which(words[0], path=environ["PATH"]) or words[0]
        argv = [program, *(self.mapped(word) for word in words[1:])]
        with log.open("ab") as output:
            return subprocess.Popen(argv, cwd=self.path("."), env=environ, stdout=output, stderr=subprocess.STDOUT)


@dataclass(frozen=True)
class Step:
    """One instruction, with its line ends joined."""

    verb: str
    rest: str

    @property
    def words(self) -> tuple[str, ...]:
        """The words of the exec form, or of a plain list."""
        return tuple(json.loads(self.rest)) if self.rest.startswith("[") else tuple(shlex.split(self.rest))


def steps_of(text: str) -> list[Step]:
    """All instructions of a Dockerfile in order."""
    joined = re.sub(r"\\\n\s*", " ", "\n".join(line for line in text.splitlines() if not line.startswith("#")))
    lines = (line.strip().partition(" ") for line in joined.splitlines() if line.strip())
    return [Step(verb.upper(), rest.strip()) for verb, _, rest in lines]


class Builder:
    """Builds the stages of one Dockerfile below a scratch folder, each once."""

    def __init__(self, dockerfile: Path, context: Path, scratch: Path) -> None:
        self._steps = steps_of(dockerfile.read_text())
        self._context = context
        self._scratch = scratch
        self._built: dict[str, Image] = {}

    def build(self, target: str) -> Image:
        """The image of a stage, after those it needs."""
        if target not in self._built:
            self._built[target] = self._build(target, *self._stage(target))
        return self._built[target]

    def forget_all_but(self, *targets: str) -> None:
        """Removes the other stages, so that an image that still needs one of them breaks."""
        for name in [name for name in self._built if name not in targets]:
            shutil.rmtree(self._built.pop(name).root)

    def _stage(self, target: str) -> tuple[str, list[Step]]:
        base, found, inside = "", [], False
        for step in self._steps:
            if step.verb == "FROM":
                origin, _, name = step.rest.partition(" AS ")
                inside = name == target
                base = origin if inside else base
            elif inside:
                found.append(step)
        assert base, f"there is no stage {target}"
        return base, found

    def _build(self, target: str, base: str, steps: list[Step]) -> Image:
        image = Image(self._scratch / target)
        if not base.startswith("${"):
            former = self.build(base)
            shutil.copytree(former.root, image.root, symlinks=True, copy_function=os.link)
            image = replace(former, root=image.root)
        image.root.mkdir(exist_ok=True)
        for step in steps:
            image = self._take(step, image)
        return image

    def _take(self, step: Step, image: Image) -> Image:
        match step.verb:
            case "ARG" | "EXPOSE":
                return image
            case "WORKDIR":
                image = replace(image, folder=step.rest)
                image.path(".").mkdir(parents=True, exist_ok=True)
                return image
            case "ENV":
                pairs = dict(word.split("=", 1) for word in shlex.split(step.rest))
                return replace(image, environment={**image.environment, **pairs})
            case "COPY":
                self._copy(step, image)
                return image
            case "RUN":
                self._run(step.rest, image)
                return image
            case "USER":
                return replace(image, user=step.rest)
            case "ENTRYPOINT":
                return replace(image, entrypoint=step.words)
            case "CMD":
                return replace(image, command=step.words)
            case "HEALTHCHECK":
                return replace(image, probe=Step("CMD", step.rest.partition("CMD ")[2]).words)
        raise AssertionError(f"the runner does not know {step.verb}")

    def _copy(self, step: Step, image: Image) -> None:
        words = shlex.split(step.rest)
        options = [word for word in words if word.startswith("--")]
        source, target = (word for word in words if not word.startswith("--"))
        stage = next((option.removeprefix("--from=") for option in options if option.startswith("--from=")), "")
        origin = self.build(stage).path(source) if stage else self._context / source
        place = image.path(target)
        place.parent.mkdir(parents=True, exist_ok=True)
        if stage and origin.is_dir():
            place.mkdir(exist_ok=True)
            subprocess.run(["cp", "--archive", "--force", f"{origin}/.", place], check=True)
        elif origin.is_dir():
            ignored = shutil.ignore_patterns("__pycache__")
            shutil.copytree(origin, place, symlinks=True, dirs_exist_ok=True, ignore=ignored)
        else:
            shutil.copy2(origin, place)

    def _run(self, command: str, image: Image) -> None:
        """As the base image would, whose Python is the one that runs this."""
        tools = {name: value for name, value in os.environ.items() if name in _KEPT or name.startswith(("PIP_", "UV_"))}
        environ = {**tools, "PYTHON": sys.executable, **image.environ({})}
        done = subprocess.run(
            ["sh", "-c", image.mapped(command)],
            cwd=image.path("."),
            env=environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}"
