"""The requests of request.sh, and their answers."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

DONE = 0
FAILED = 255

_WAL = re.compile(r"[0-9A-F]{24}(\.[0-9A-F]{8}\.backup|\.partial)?|[0-9A-F]{8}\.history")
"""Names that a server archives: segments, the history of a timeline, the mark of a base backup."""


@dataclass(frozen=True)
class Request:
    """One request."""

    name: str
    """Name of its files, without their suffix."""

    kind: str
    arguments: tuple[str, ...]

    @property
    def is_valid(self) -> bool:
        """Whether it is one that can be done."""
        if self.kind in ("push", "get"):
            return len(self.arguments) == 2 and is_wal_name(self.arguments[0])
        return self.kind == "base" and len(self.arguments) == 2


def is_wal_name(name: str) -> bool:
    """Whether it is the name of a file that a server archives."""
    return _WAL.fullmatch(name) is not None


class Exchange:
    """The directory of the requests."""

    def __init__(self, directory: Path) -> None:
        """Use a directory, which exists."""
        self._directory = directory

    def show_life(self) -> None:
        """Renew the sign of life."""
        (self._directory / "alive").touch()

    def requests(self) -> Iterator[Request]:
        """The requests that wait."""
        for file in sorted(self._directory.glob("*.request")):
            try:
                kind, *arguments = file.read_text().splitlines()
            except (OSError, ValueError):  # withdrawn meanwhile
                continue
            yield Request(name=file.stem, kind=kind, arguments=tuple(arguments))

    def answer(self, request: Request, status: int) -> None:
        """Answer a request with an exit status."""
        (self._directory / f"{request.name}.request").unlink(missing_ok=True)
        new = self._directory / f"{request.name}.answer.new"
        new.write_text(f"{status}\n")
        new.rename(self._directory / f"{request.name}.answer")
