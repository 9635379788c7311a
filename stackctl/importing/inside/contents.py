"""The requested contents of the stack's database: those of the source, and the rows of the stack that stay."""

import importlib.util
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from .difference import Difference, compare, stored_rows
from .documents import Chunk, read_chunks
from .origin import Origin
from .panel_settings import decided_settings, local_settings, read_source
from .pod_scripts import output, release
from .tables import Connection, Table, read_tables
from .uploads import file_name, rewritten_path

DIRECTORY = Path(__file__).parents[1]
"""Where the pod has the copies."""

DATABASE = DIRECTORY / "webui.db"
VECTORS = DIRECTORY / "chroma.sqlite3"

_MIGRATION_SECONDS = 3600
_MIGRATE = "from startup.faster_import import prepare_import; prepare_import(); import open_webui.config"


@dataclass(frozen=True)
class Contents:
    """The requested contents, and how they differ from those of the stack."""

    connection: Connection
    origin: Origin
    tables: list[Table]
    not_imported: list[str]
    """Tables and columns of the source that the stack does not have."""

    differing_settings: list[str]
    """Keys of panel settings that variables of the stack set, and that have another value in the source."""

    imported_settings: dict[str, str | None]
    """Settings of the panel that the source changes, as JSON, by key."""

    administrator_stays: bool
    """Whether the stack's first administrator stays, because the source has no account with that e-mail address."""

    def table(self, name: str) -> Table:
        """The table of that name."""
        return next(table for table in self.tables if table.name == name)

    def differences(self) -> list[Difference]:
        """The difference of every table."""
        return [compare(table, self.origin.rows(table), stored_rows(self.connection, table)) for table in self.tables]

    def settings(self) -> dict[str, str | None]:
        """Settings of the panel, as JSON, by key."""
        table = self.table("config")
        key, value = table.position("key"), table.position("value")
        return {str(row[key]): row[value] for row in self.origin.rows(table)}

    def local_settings(self) -> list[str]:
        """Keys of settings whose URL leads to the source's own machine."""
        return local_settings(self.imported_settings)

    def files(self) -> list[str]:
        """Names of the uploads."""
        table = self.table("file")
        return [file_name(path) for row in self.origin.rows(table) if (path := row[table.position("path")])]

    def chunks(self) -> Iterator[Chunk]:
        """Chunks of documents; none without Chroma's file."""
        return read_chunks(VECTORS) if VECTORS.exists() else iter(())


def read_contents(connection: Connection, variables: list[str]) -> Contents:
    """The contents of an import.

    Args:
        connection: to the stack's database.
        variables: names of the environment variables that the stack sets.

    Raises `RefusedError` if the source or the stack is at another revision that cannot be migrated.
    """
    migrate_copy(connection)
    tables = read_tables(connection)
    origin = Origin(DATABASE)
    not_imported = origin.not_imported(tables)
    by_name = {table.name: table for table in tables}
    origin.changes["file"] = rewritten_path(by_name["file"], os.environ)
    stays = _keep_administrator(origin, connection, by_name)
    decided = decided_settings(read_source(_package()), variables)
    differing, imported = _keep_settings(origin, connection, by_name["config"], decided)
    origin.remember_keys(tables)
    return Contents(connection, origin, tables, not_imported, differing, imported, stays)


def migrate_copy(connection: Connection) -> None:
    """Migrate the copy of the source to the image's release, by Open WebUI's own migrations."""
    image = release.read_release()
    if release.database_revisions(connection) != image.heads:
        raise output.RefusedError(f"The stack's database is not at Open WebUI {image.version}: run `pulumi up` first.")
    revisions = Origin(DATABASE).revisions()
    if revisions == image.heads:
        return
    if not revisions or revisions - image.revisions:
        raise output.RefusedError(
            f"The source is at revision {', '.join(sorted(revisions)) or 'none'}, which Open WebUI {image.version} does"
            " not know. Bring the stack to the source's release, or start the source once with a release between them."
        )
    output.log(f"Migrating the copy of the source to Open WebUI {image.version}.")
    variables = {
        "DATABASE_URL": f"sqlite:///{DATABASE}",
        # Without it the module takes the database's URL, and refuses SQLite.
        "PGVECTOR_DB_URL": os.environ["DATABASE_URL"],
        "ENABLE_DB_MIGRATIONS": "true",
        "DATABASE_ENABLE_SQLITE_WAL": "false",
    }
    done = subprocess.run(
        [sys.executable, "-c", _MIGRATE],
        env={**os.environ, **variables, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        errors="backslashreplace",
        timeout=_MIGRATION_SECONDS,
        check=False,
    )
    if done.returncode or Origin(DATABASE).revisions() != image.heads:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise output.RefusedError(f"The copy of the source could not be migrated: {last}")


def _package() -> Path:
    spec = importlib.util.find_spec("open_webui")
    assert spec
    assert spec.submodule_search_locations, "the release was read from it"
    return Path(next(iter(spec.submodule_search_locations)))


def _keep_administrator(origin: Origin, connection: Connection, tables: dict[str, Table]) -> bool:
    """Keep the account that the stack's Secret names, unless the source has one with the same e-mail address."""
    email = os.environ.get("WEBUI_ADMIN_EMAIL", "").strip().lower()
    users = tables["user"]
    position = users.position("email")
    if any(str(row[position]).strip().lower() == email for row in origin.plain(users)):
        return False
    kept = [row for row in stored_rows(connection, users) if str(row[position]).strip().lower() == email]
    ids = {row[users.position("id")] for row in kept}
    accounts = tables["auth"]
    origin.kept["user"] = kept
    origin.kept["auth"] = [row for row in stored_rows(connection, accounts) if row[accounts.position("id")] in ids]
    return bool(kept)


def _keep_settings(
    origin: Origin, connection: Connection, table: Table, decided: frozenset[str]
) -> tuple[list[str], dict[str, str | None]]:
    """Keep the settings that variables of the stack set, and those that the source does not change. Returns the keys
    of settings that stay although the source has another value, and the settings that change.
    """
    key, value = table.position("key"), table.position("value")
    stored = {str(row[key]): row for row in stored_rows(connection, table)}
    source = {str(row[key]): row for row in origin.plain(table)}
    differing = {name for name, row in source.items() if name not in stored or stored[name][value] != row[value]}
    changes = differing - decided
    origin.kept["config"] = [row for name, row in stored.items() if name not in changes]
    origin.changes["config"] = lambda row: row if row[key] in changes else None
    return sorted(differing & decided), {name: source[name][value] for name in sorted(changes)}
