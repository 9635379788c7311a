"""The tables of Open WebUI in the stack's database: columns, primary keys, foreign keys."""

from dataclasses import dataclass
from graphlib import TopologicalSorter

from psycopg import sql

from .pod_scripts import database

Connection = database.Connection

APART = ("alembic_version", "open_webui_stack_release", "document_chunk")
"""Tables that are not copied row by row: revisions, the stack's own record, vectors."""

_COLUMNS = b"""
SELECT relname, attname, format_type(atttypid, atttypmod) FROM pg_class JOIN pg_attribute ON attrelid = pg_class.oid
WHERE relnamespace = current_schema()::regnamespace AND relkind = 'r' AND attnum > 0 AND NOT attisdropped
ORDER BY relname, attnum
"""
_KEYS = b"""
SELECT relname, array_agg(attname ORDER BY attnum) FROM pg_index JOIN pg_class ON pg_class.oid = indrelid
JOIN pg_attribute ON attrelid = indrelid AND attnum = ANY (indkey)
WHERE indisprimary AND relnamespace = current_schema()::regnamespace GROUP BY relname
"""
_REFERENCES = b"""
SELECT child.relname, own.attname, parent.relname, other.attname, confdeltype::text
FROM pg_constraint JOIN pg_class AS child ON child.oid = conrelid JOIN pg_class AS parent ON parent.oid = confrelid
JOIN pg_attribute AS own ON own.attrelid = conrelid AND own.attnum = conkey[1]
JOIN pg_attribute AS other ON other.attrelid = confrelid AND other.attnum = confkey[1]
WHERE contype = 'f' AND cardinality(conkey) = 1 AND connamespace = current_schema()::regnamespace
"""


@dataclass(frozen=True, kw_only=True)
class Reference:
    """A foreign key of one column."""

    column: str
    table: str
    """The table that it refers to."""

    target: str
    """The column there."""

    sets_null: bool
    """Whether the column becomes NULL when the referenced row is deleted. Otherwise this row is deleted, too."""


@dataclass(frozen=True, kw_only=True)
class Table:
    """A table."""

    name: str
    types: dict[str, str]
    """Types of the columns by their names, in their order."""

    key: tuple[str, ...]
    """Columns of the primary key; all columns without one."""

    references: tuple[Reference, ...] = ()

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns."""
        return tuple(self.types)

    def position(self, column: str) -> int:
        """Index of a column in a row."""
        return self.columns.index(column)

    def key_of(self, row: tuple[str | None, ...]) -> tuple[str | None, ...]:
        """The primary key of a row."""
        return tuple(row[self.position(column)] for column in self.key)

    def copied_out(self) -> sql.Composed:
        """Statement that prints every row."""
        return sql.SQL("COPY {} ({}) TO STDOUT").format(sql.Identifier(self.name), self._list())

    def copied_in(self) -> sql.Composed:
        """Statement that takes rows."""
        return sql.SQL("COPY {} ({}) FROM STDIN").format(sql.Identifier(self.name), self._list())

    def _list(self) -> sql.Composed:
        return sql.SQL(", ").join(map(sql.Identifier, self.columns))


def read_tables(connection: Connection) -> list[Table]:
    """Every table that is copied, those that others refer to first."""
    types: dict[str, dict[str, str]] = {}
    for table, column, column_type in connection.execute(_COLUMNS):
        types.setdefault(table, {})[column] = column_type
    keys = {table: tuple(columns) for table, columns in connection.execute(_KEYS)}
    references: dict[str, list[Reference]] = {}
    for table, column, parent, target, on_delete in connection.execute(_REFERENCES):
        reference = Reference(column=column, table=parent, target=target, sets_null=on_delete == "n")
        references.setdefault(table, []).append(reference)
    tables = {
        name: Table(
            name=name, types=columns, key=keys.get(name, tuple(columns)), references=tuple(references.get(name, ()))
        )
        for name, columns in types.items()
        if name not in APART
    }
    parents = {
        name: sorted({each.table for each in table.references if each.table not in (name, *APART)})
        for name, table in tables.items()
    }
    return [tables[name] for name in TopologicalSorter(parents).static_order()]
