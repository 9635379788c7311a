"""The changes of an import to the stack's database, and whether the database has the requested contents."""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass

from .tables import Connection, Table
from .text import Row


@dataclass(frozen=True, kw_only=True)
class Difference:
    """The rows of one table in the source and in the stack, by primary key."""

    table: str
    source: int
    """The requested rows."""

    new: int
    changed: int
    """Rows that both have, with other contents."""

    lost: int
    """Rows that only the stack has."""

    @property
    def is_empty(self) -> bool:
        """Whether the stack holds this already."""
        return not (self.new or self.changed or self.lost)

    def as_json(self) -> dict[str, str | int]:
        """Plain values."""
        return asdict(self)


def compare(table: Table, requested: Iterable[Row], present: Iterable[Row]) -> Difference:
    """Compare the requested rows of a table with its present rows."""
    remaining = {_digest(table.key_of(row)): _digest(row) for row in present}
    source = new = changed = 0
    for row in requested:
        source += 1
        before = remaining.pop(_digest(table.key_of(row)), None)
        new += before is None
        changed += before not in (None, _digest(row))
    return Difference(table=table.name, source=source, new=new, changed=changed, lost=len(remaining))


def stored_rows(connection: Connection, table: Table) -> Iterator[Row]:
    """Rows that the stack has."""
    with connection.cursor() as cursor, cursor.copy(table.copied_out()) as copy:
        yield from copy.rows()


def _digest(row: Row) -> bytes:
    digest = hashlib.sha256()
    for value in row:
        digest.update(b"\0" if value is None else b"\1%d:" % len(value) + value.encode())
    return digest.digest()
