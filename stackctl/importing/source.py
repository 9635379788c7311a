"""The data directory of a single Open WebUI. Every file is copied before it is opened."""

import os
import shutil
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from terminal.errors import LocalError, UsageError

DATABASE = "webui.db"
VECTORS = Path("vector_db") / "chroma.sqlite3"
UPLOADS = "uploads"

_WRITTEN_AHEAD = "-wal"
_ATTEMPTS = 3


@dataclass(frozen=True, kw_only=True)
class Source:
    """Complete copies of the source's databases, and its directory of uploads."""

    database: Path
    vectors: Path | None
    """Chroma's SQLite file; None where there is none."""

    uploads: Path
    """The source's own directory, which is only read."""

    def files(self, names: Iterable[str]) -> Iterator[Path]:
        """Uploads of these names that exist and are not empty: Open WebUI stores no empty file."""
        for name in sorted(set(names)):
            file = self.uploads / Path(name).name
            if file.is_file() and file.stat().st_size:
                yield file

    @property
    def size(self) -> int:
        """Bytes of the copies."""
        return sum(file.stat().st_size for file in (self.database, self.vectors) if file)


def copy_source(data: Path, directory: Path) -> Source:
    """Copy the databases of a data directory. SQLite does not open the source itself, because it would write files
    beside it.

    Args:
        data: the source.
        directory: an empty one, for the copies.

    Raises:
        UsageError: it is not the data directory of an Open WebUI with SQLite.
        LocalError: the source was changing, or its database is damaged.
    """
    if not (data / DATABASE).is_file():
        raise UsageError(
            f"{data} has no {DATABASE}: it is not the data directory of an Open WebUI with SQLite.\n"
            "In the container it is /app/backend/data. Copy it: docker cp open-webui:/app/backend/data ./data"
        )
    vectors = _copy(data / VECTORS, directory / VECTORS.name) if (data / VECTORS).is_file() else None
    return Source(
        database=_copy(data / DATABASE, directory / DATABASE), vectors=vectors, uploads=(data / UPLOADS).resolve()
    )


def _copy(file: Path, copy: Path) -> Path:
    """Copy a database with its write-ahead log, and apply the log to the copy."""
    for _ in range(_ATTEMPTS):
        before = _state(file)
        for suffix in ("", _WRITTEN_AHEAD):
            copied = copy.with_name(copy.name + suffix)
            copied.unlink(missing_ok=True)
            if file.with_name(file.name + suffix).is_file():
                shutil.copyfile(file.with_name(file.name + suffix), copied)
        if _state(file) == before:
            break
    else:
        raise LocalError(
            f"{file} changes while it is copied: stop the source first, for example: docker stop open-webui"
        )
    try:
        with closing(sqlite3.connect(copy)) as connection:
            connection.execute("PRAGMA journal_mode = DELETE")
            [problem] = connection.execute("PRAGMA quick_check(1)").fetchone()
    except sqlite3.DatabaseError as error:
        raise LocalError(f"{file} cannot be read: {error}. An encrypted database has to be decrypted first") from error
    if problem != "ok":
        raise LocalError(f"{file} is damaged: {problem}")
    return copy


def _state(file: Path) -> list[tuple[int, int] | None]:
    """Size and time of change of the database and its log."""
    files = [file, file.with_name(file.name + _WRITTEN_AHEAD)]
    return [(status.st_size, status.st_mtime_ns) if (status := _stat(each)) else None for each in files]


def _stat(file: Path) -> os.stat_result | None:
    try:
        return file.stat()
    except FileNotFoundError:
        return None
