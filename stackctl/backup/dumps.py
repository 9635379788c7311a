"""The dumps on the volume, in the format of the script's list."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from terminal.errors import UsageError

NEWEST = "newest"
SAFETY = "-before-restore"
"""Suffix of the name of a safety dump, which a restore makes."""

_SET = re.compile(
    r"backup: set (?P<origin>[0-9a-f]+)/(?P<name>\S+): (?P<size>\d+) bytes, (?P<contents>\d+ tables with \d+ rows.*)"
)
_LINE = re.compile(
    r"backup: dump (?P<name>\S+): (?P<size>\d+) bytes(?:, (?P<tables>\d+) tables with (?P<rows>\d+) rows)?"
)
_TIME = re.compile(r"\d{8}T\d{6}Z")


@dataclass(frozen=True, kw_only=True)
class Dump:
    """One dump."""

    name: str
    size: int
    """Bytes."""

    contents: str
    """``12 tables with 345 rows``; empty when unknown."""

    @property
    def made(self) -> datetime | None:
        """When it was made; None when its name has no time."""
        time = _TIME.search(self.name)
        return datetime.strptime(time[0], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC) if time else None

    @property
    def is_safety_dump(self) -> bool:
        """Whether it contains the data that a restore replaced."""
        return self.name.endswith(f"{SAFETY}.dump")


def read_list(lines: Iterable[str]) -> list[Dump]:
    """The dumps in the output of the script, in its order: the newest first."""
    return [
        Dump(
            name=match["name"],
            size=int(match["size"]),
            contents=f"{match['tables']} tables with {match['rows']} rows" if match["tables"] else "",
        )
        for line in lines
        if (match := _LINE.fullmatch(line))
    ]


@dataclass(frozen=True, kw_only=True)
class BackupSet:
    """A complete set in the bucket."""

    origin: str
    """The identifier of the volume of the dump."""

    name: str
    size: int
    """Bytes."""

    contents: str
    """Tables, rows, files, versions."""

    @property
    def path(self) -> str:
        """The unique name of the set."""
        return f"{self.origin}/{self.name}"


def read_sets(lines: Iterable[str]) -> list[BackupSet]:
    """The sets in the output of the container, in its order: the newest first."""
    return [
        BackupSet(origin=match["origin"], name=match["name"], size=int(match["size"]), contents=match["contents"])
        for line in lines
        if (match := _SET.fullmatch(line))
    ]


def choose_set(sets: Sequence[BackupSet], name: str) -> BackupSet:
    """The set of that name, ``ORIGIN/NAME`` or ``NAME``, or the newest.

    Raises:
        UsageError: there is no such set, or there are several.
    """
    matching = sets[:1] if name == NEWEST else [each for each in sets if name in (each.name, each.path)]
    if len(matching) == 1:
        return matching[0]
    names = "".join(f"\n  {each.path}" for each in sets) or " no sets"
    wrong = f"several sets are called {name}: add the part before the slash" if matching else f"there is no set {name}"
    raise UsageError(f"{wrong}. Nothing was changed. In the bucket there are:{names}")


def choose(dumps: Sequence[Dump], name: str) -> Dump:
    """The dump of that name; ``newest`` is the newest that is not a safety dump.

    Raises:
        UsageError: there is no such dump.
    """
    for dump in dumps:
        if dump.name == name or (name == NEWEST and not dump.is_safety_dump):
            return dump
    names = "".join(f"\n  {dump.name}" for dump in dumps) or " no dumps"
    raise UsageError(f"there is no dump {name}. Nothing was changed. There are:{names}")
