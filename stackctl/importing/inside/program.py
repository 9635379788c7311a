"""The import inside the pod: `plan` prints what would change, `apply` makes the changes in one transaction."""

import json
import os
import sys
from typing import Any

import psycopg
from psycopg import sql

from .contents import Contents, read_contents
from .difference import Difference
from .documents import Embedder, replace_chunks, stored_chunks
from .pod_scripts import database, encrypted_data, lock, output
from .tables import Connection, Table
from .uploads import Uploads

RESULT = "result: "
"""Begin of the line with the result, as JSON."""

_WAIT_SECONDS = 30


def plan(options: dict[str, Any]) -> dict[str, Any]:
    """What an import would change. Nothing is changed.

    Args:
        options: ``variables``: names of the variables that the stack sets; ``documents``: whether documents are
            imported.
    """
    with _connected() as connection:
        contents = read_contents(connection, options["variables"])
        return {
            "tables": [each.as_json() for each in contents.differences()],
            "not_imported": contents.not_imported,
            "orphans": dict(contents.origin.orphans),
            "documents": _documents(contents) if options["documents"] else None,
            "files": contents.files(),
            "differing_settings": contents.differing_settings,
            "local_settings": contents.local_settings(),
            "administrator_stays": contents.administrator_stays,
        }


def apply(options: dict[str, Any]) -> dict[str, Any]:
    """Import the contents of the source into the stack, completely or not at all.

    Args:
        options: as `plan` takes them; ``files``: whether standard input is a tar archive of the uploads;
            ``overwrite``: whether rows that only the stack has may go.

    Raises `RefusedError` and `psycopg.Error` if it fails; the database is then as it was.
    """
    with _connected() as connection:
        lock.take_lock(connection, _WAIT_SECONDS)
        contents = read_contents(connection, options["variables"])
        if not options["overwrite"]:
            _refuse_overwriting(contents)
        uploads = Uploads(os.environ, _paths(connection))
        try:
            stored = uploads.store_all(sys.stdin.buffer) if options["files"] else 0
            with connection.transaction():
                rows, embedded = _replace(contents, documents=options["documents"])
        except BaseException:
            uploads.remove_new()
            raise
        connection.execute(b"ANALYZE")
        return {"rows": rows, "tables": len(contents.tables), "files": stored, "embedded": embedded}


def _replace(contents: Contents, *, documents: bool) -> tuple[int, int]:
    """Replace the rows and compare each with the source; returns the numbers of rows and of embedded chunks."""
    connection = contents.connection
    connection.execute(f"SET LOCAL lock_timeout = '{_WAIT_SECONDS}s'".encode())
    names = sql.SQL(", ").join(sql.Identifier(table.name) for table in contents.tables)
    connection.execute(sql.SQL("TRUNCATE {}").format(names))
    for table in contents.tables:
        _copy(contents, table)
    differences = contents.differences()
    if differing := [each for each in differences if not each.is_empty]:
        raise output.RefusedError(f"PostgreSQL stores other contents than the source has: {_named(differing)}.")
    if problems := encrypted_data.second_factor_problems(connection, os.environ):
        raise output.RefusedError(*problems)
    embedded = 0
    if documents:
        embedder = Embedder(contents.settings())
        embedded = replace_chunks(connection, embedder, map(embedder.requested, contents.chunks()))
        if any(number for name, number in _documents(contents).items() if name != "source"):
            raise output.RefusedError("PostgreSQL stores other documents than the source has.")
    output.log("All rows are equal to those of the source.")
    return sum(each.source for each in differences), embedded


def _copy(contents: Contents, table: Table) -> None:
    """Write the rows of a table.

    Raises `RefusedError` if PostgreSQL refuses them, with the first line of its message: the others quote the row.
    """
    connection = contents.connection
    try:
        with connection.cursor() as cursor, cursor.copy(table.copied_in()) as copy:
            for row in contents.origin.rows(table):
                copy.write_row(row)
    except psycopg.Error as error:
        reason = error.diag.message_primary or type(error).__name__
        raise output.RefusedError(f"PostgreSQL refuses the rows of {table.name}: {reason}.") from error


def _refuse_overwriting(contents: Contents) -> None:
    """Refuse rows that users wrote between the plan and the stop of the web pods."""
    rows = [each for each in contents.differences() if each.table != "config" and (each.changed or each.lost)]
    if rows:
        raise output.RefusedError(f"The import would overwrite rows of the stack: {_named(rows)}. Nothing was changed.")


def _documents(contents: Contents) -> dict[str, int]:
    stored = stored_chunks(contents.connection)
    embedder = Embedder(contents.settings())
    total = new = changed = 0
    for chunk in map(embedder.requested, contents.chunks()):
        total += 1
        before = stored.pop(chunk.id, None)
        new += before is None
        changed += before not in (None, chunk)
    return {"source": total, "new": new, "changed": changed, "lost": len(stored)}


def _paths(connection: Connection) -> set[str]:
    return {row[0] for row in connection.execute(b"SELECT path FROM file WHERE path IS NOT NULL")}


def _named(differences: list[Difference]) -> str:
    return ", ".join(f"{each.table} ({each.changed + each.new + each.lost} rows)" for each in differences)


def _connected() -> Connection:
    connection = database.connect(_WAIT_SECONDS)
    database.prepare_session(connection)
    return connection


def main() -> None:
    """Run `plan` or `apply` with its options, as JSON; print the result."""
    result = {"plan": plan, "apply": apply}[sys.argv[1]](json.loads(sys.argv[2]))
    print(RESULT + json.dumps(result), flush=True)
