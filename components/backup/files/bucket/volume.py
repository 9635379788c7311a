"""The volume of the dumps, which backup.sh writes: the dumps, the facts about them, and the lock."""

import fcntl
import json
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

_SAFETY = "-before-restore"
_ORIGIN = ".origin"
_CAPTURED = ".uploads.json"
_RESULT = ".bucket-result"


class VolumeError(Exception):
    """The volume does not contain a required file. The message is for the operator."""


@dataclass(frozen=True, kw_only=True)
class Dump:
    """A proved dump."""

    path: Path

    @property
    def name(self) -> str:
        """The name without the suffix, which is also the name of its set."""
        return self.path.stem

    @property
    def contents(self) -> Path:
        """Number and checksum of the rows of every table, one line each."""
        return self.path.with_suffix(".contents")

    @property
    def facts(self) -> dict[str, str]:
        """Versions of the server and of pgvector, revision of the migrations. Empty for a dump of an older version."""
        return dict(line.split("=", 1) for line in self._lines(".facts") if "=" in line)

    @property
    def uploaded_paths(self) -> list[str]:
        """Paths of the uploaded files in the rows of the dump, as Open WebUI wrote them."""
        return [str(json.loads(line)) for line in self._lines(".paths")]

    @property
    def rows(self) -> list[int]:
        """Number of rows of each table."""
        return [int(line.split("|", 1)[0]) for line in self.contents.read_text().splitlines()]

    def _lines(self, suffix: str) -> list[str]:
        file = self.path.with_suffix(suffix)
        return file.read_text().splitlines() if file.exists() else []


class Volume:
    """The directory of the dumps."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def newest(self) -> Dump:
        """The newest dump that is not a safety dump.

        Raises:
            VolumeError: there is no such dump.
        """
        dumps = [path for path in self.directory.glob("*.dump") if not path.stem.endswith(_SAFETY)]
        complete = [path for path in dumps if path.with_suffix(".contents").exists()]
        if not complete:
            raise VolumeError("There is no dump on the volume.")
        return Dump(path=max(complete, key=lambda path: path.name))

    @property
    def origin(self) -> str:
        """The name of this volume in the bucket, random and kept on it."""
        file = self.directory / _ORIGIN
        if not file.exists():
            self.write(file, secrets.token_hex(8).encode())
        return file.read_text()

    @property
    def captured(self) -> Path:
        """The uploaded files that were captured last, before the dump."""
        return self.directory / _CAPTURED

    def record(self, name: str, size: int) -> None:
        """Write the name and the size of a complete set for backup.sh, which records them in the database."""
        self.write(self.directory / _RESULT, f"{name} {size}\n".encode())

    @staticmethod
    def write(path: Path, data: bytes) -> None:
        """Write a file atomically: it is complete or does not exist."""
        unfinished = path.with_name(f".{path.name}.unfinished")
        with unfinished.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(path)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Lock out backups and restores; wait for a running one."""
        with (self.directory / ".lock").open("ab") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield
