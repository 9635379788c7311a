"""A volume of the database that the images of two releases of PostgreSQL use, one after the other."""

from pathlib import Path
from typing import Any

from tests.support.servers.postgresql_database import Database
from tests.support.servers.server_process import postgresql_with_pgvector

SETS = ("postgresql.image=pgvector/pgvector:pg18", "postgresql.upgrade.fromImage=pgvector/pgvector:pg16")
OLD, NEW = 16, 18


class Volume:
    """A volume with the containers of both releases."""

    def __init__(self, database: Database, old: int = OLD) -> None:
        self.database = database
        self.old = old
        self.environment = dict(database.environment)

    def use(self, major: int, *before: Path, **environment: str) -> Database:
        """The database with the image of that release and these variables."""
        self.database.programs = postgresql_with_pgvector(major)
        self.database.search_path = "".join(f"{directory}:" for directory in before)
        self.database.environment = {**self.environment, **environment}
        return self.database

    def start_pod(self, *before: Path) -> str:
        """The init containers of the upgrading pod, in their order; returns what they printed."""
        return self.use(self.old, *before).prepared("dump") + self.use(NEW, *before).prepared()

    def contents(self, major: int) -> dict[str, Any]:
        """Everything that clients see, by a server of that release."""
        with self.use(major).serving(), self.database.connect() as connection:
            rows = {
                table: connection.execute(f"SELECT t::text FROM {table} AS t ORDER BY 1".encode()).fetchall()
                for table in ("chat", "document_chunk", "alembic_version")
            }
            nearest = connection.execute(
                "SELECT id FROM document_chunk ORDER BY vector <-> '[5,5,5,5,5,5,5,5]', id LIMIT 3"
            ).fetchall()
            next_id = connection.execute("SELECT last_value FROM chat_id_seq").fetchall()
            index = connection.execute("SELECT indexdef FROM pg_indexes WHERE indexname LIKE 'idx_%'").fetchall()
            return rows | {"nearest": nearest, "next": next_id, "index": index}

    def execute(self, major: int, *statements: str) -> None:
        """Statements of the application, by a server of that release."""
        with self.use(major).serving(), self.database.connect(autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement.encode())

    def names(self) -> list[str]:
        return sorted(path.name for path in self.database.data.parent.iterdir())
