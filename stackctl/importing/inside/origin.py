"""The copied database of the single Open WebUI, and the requested contents of the stack."""

import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from .pod_scripts import output
from .tables import APART, Table
from .text import ConversionError, Row, text_of

RowChange = Callable[[Row], Row | None]
"""Changes a row, or omits it."""


@dataclass
class Origin:
    """The rows of the source, converted for the stack."""

    file: Path
    changes: dict[str, RowChange] = field(default_factory=dict)
    """By the name of the table."""

    kept: dict[str, list[Row]] = field(default_factory=dict)
    """Rows of the stack that stay, by the name of the table."""

    orphans: Counter[str] = field(default_factory=Counter)
    """Rows that refer to a row that does not exist, by ``table.column``. SQLite does not check foreign keys."""

    _parents: dict[tuple[str, str], set[str | None]] = field(default_factory=dict)

    def revisions(self) -> frozenset[str]:
        """Alembic revisions that the source is at; none without its table of revisions."""
        if "alembic_version.version_num" not in self._columns():
            return frozenset()
        with closing(self._connected()) as connection:
            return frozenset(row[0] for row in connection.execute("SELECT version_num FROM alembic_version"))

    def not_imported(self, tables: list[Table]) -> list[str]:
        """Tables and columns of the source that the stack does not have, such as those of a much older release.

        Raises `RefusedError` if the source lacks one that the stack has.
        """
        columns = self._columns()
        requested = {f"{table.name}.{column}" for table in tables for column in table.columns}
        if missing := sorted(requested - columns):
            raise output.RefusedError(f"The source does not have {', '.join(missing)}, which the stack has.")
        known = {table.name for table in tables} | {*APART}
        others = {name.partition(".")[0] for name in columns} - known
        return sorted(
            others | {name for name in columns - requested if name.partition(".")[0] not in others | {*APART}}
        )

    def _columns(self) -> set[str]:
        """Every ``table.column``, without SQLite's own tables."""
        statement = (
            "SELECT sqlite_master.name || '.' || columns.name FROM sqlite_master"
            " JOIN pragma_table_info(sqlite_master.name) AS columns"
            " WHERE sqlite_master.type = 'table' AND sqlite_master.name NOT LIKE 'sqlite\\_%' ESCAPE '\\'"
        )
        with closing(self._connected()) as connection:
            return {name for (name,) in connection.execute(statement)}

    def rows(self, table: Table) -> Iterator[Row]:
        """Rows of a table: those of the source, changed as `changes` says, and those of the stack that stay."""
        parents = [
            (table.position(each.column), each, self._keys(each.table, each.target)) for each in table.references
        ]
        for row in self._changed(table):
            for position, reference, keys in parents:
                if row[position] is None or row[position] in keys:
                    continue
                self.orphans[f"{table.name}.{reference.column}"] += 1
                if not reference.sets_null:
                    break
                row = (*row[:position], None, *row[position + 1 :])
            else:
                yield row

    def remember_keys(self, tables: list[Table]) -> None:
        """Read the keys that foreign keys refer to; call it before `rows`, with the parents first."""
        for table in tables:
            for column in {each.target for child in tables for each in child.references if each.table == table.name}:
                position = table.position(column)
                keys = {row[position] for row in self._changed(table)}
                self._parents[table.name, column] = keys
                # In a table that refers to itself, omitting a row can leave another row without its parent.
                while len(remaining := {row[position] for row in self.rows(table)}) < len(keys):
                    keys = self._parents[table.name, column] = remaining
        self.orphans.clear()

    def _keys(self, table: str, column: str) -> set[str | None]:
        return self._parents[table, column]

    def _changed(self, table: Table) -> Iterator[Row]:
        change = self.changes.get(table.name)
        for row in self.plain(table):
            if (kept := change(row) if change else row) is not None:
                yield kept
        yield from self.kept.get(table.name, ())

    def plain(self, table: Table) -> Iterator[Row]:
        """Rows of a table as the source has them."""
        columns = ", ".join(f'"{column}"' for column in table.columns)
        with closing(self._connected()) as connection:
            for number, values in enumerate(connection.execute(f'SELECT {columns} FROM "{table.name}"'), 1):
                try:
                    yield tuple(map(text_of, values, table.columns, table.types.values()))
                except ConversionError as error:
                    raise output.RefusedError(f"Row {number} of the table {table.name}: {error}.") from error

    def _connected(self) -> sqlite3.Connection:
        return sqlite3.connect(f"file:{self.file}?mode=ro&immutable=1", uri=True)
