"""The dumps on the volume, as the script lists them."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from terminal.errors import UsageError

NEWEST = "newest"
SAFETY = "-before-restore"
"""End of the name of a dump that a restore has made."""

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
    """``12 tables with 345 rows``; empty where that is not known."""

    @property
    def made(self) -> datetime | None:
        """When it was made."""
        found = _TIME.search(self.name)
        return datetime.strptime(found[0], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC) if found else None

    @property
    def is_safety_dump(self) -> bool:
        """Whether it is what a restore has replaced."""
        return self.name.endswith(f"{SAFETY}.dump")


def read_list(lines: Iterable[str]) -> list[Dump]:
    """The dumps in what the script printed, in its order: the newest first."""
    return [
        Dump(
            name=found["name"],
            size=int(found["size"]),
            contents=f"{found['tables']} tables with {found['rows']} rows" if found["tables"] else "",
        )
        for line in lines
        if (found := _LINE.fullmatch(line))
    ]


def choose(dumps: Sequence[Dump], name: str) -> Dump:
    """The dump of that name; ``newest`` is the newest that no restore has made.

    Raises:
        UsageError: there is none.
    """
    for dump in dumps:
        if dump.name == name or (name == NEWEST and not dump.is_safety_dump):
            return dump
    there = "".join(f"\n  {dump.name}" for dump in dumps) or " none"
    raise UsageError(f"there is no dump {name}. Nothing was changed. There are:{there}")
