"""The record of completed steps in the database."""

import json
import os
import re

from .database import Connection, one
from .release import Release

RECORD = "open_webui_stack_release"
"""Table with one row: the completed steps. It is in the schema of Open WebUI's tables, so a backup contains both."""

STEPS = 1
"""Increase this number when `migrate` gets another step, so that recorded databases are not considered complete."""

START_SETTINGS = re.compile(
    r"ENABLE_(OAUTH_)?PERSISTENT_CONFIG|USE_SLIM_DOCKER|VECTOR_DB|WEBUI_ADMIN_EMAIL"
    r"|PGVECTOR_(CREATE_EXTENSION|INDEX_METHOD|INITIALIZE_MAX_VECTOR_LENGTH|PGCRYPTO|USE_HALFVEC)"
)
"""Variables that determine what a start creates. After a change of one of them, the start runs again."""


def recorded_state(connection: Connection) -> str | None:
    """The completed state, as `requested_state` writes it; None if nothing is completed."""
    if one(connection, b"SELECT to_regclass(%s)", RECORD) is None:
        return None
    return str(one(connection, f"SELECT state FROM {RECORD}".encode()))


def record_state(connection: Connection, state: str) -> None:
    """Record the completed steps."""
    with connection.transaction():
        connection.execute(
            f"CREATE TABLE IF NOT EXISTS {RECORD} (only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),"
            " state text NOT NULL, completed_at timestamptz NOT NULL DEFAULT now())".encode()
        )
        upsert = " ON CONFLICT (only_row) DO UPDATE SET state = excluded.state, completed_at = excluded.completed_at"
        connection.execute(f"INSERT INTO {RECORD} (state) VALUES (%s){upsert}".encode(), (state,))


def requested_state(release: Release, *, vector_tables: bool) -> str:
    """The state that determines which steps are required, as JSON."""
    settings = {name: os.environ[name] for name in sorted(os.environ) if START_SETTINGS.fullmatch(name)}
    return json.dumps({"version": release.version, "steps": STEPS, "vector_tables": vector_tables, **settings})
