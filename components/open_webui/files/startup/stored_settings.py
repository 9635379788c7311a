"""Settings of the config that Open WebUI stores in its database and reads only from there. Open WebUI reads such a
variable only at the first start on a database, so a later change in the config would have no effect.
``STORED_SETTINGS`` names the variables that the config sets. This module writes them to the table before each start of
a replica; every other key keeps the value of the admin panel.
"""

import json
import time
from collections.abc import Mapping
from typing import Any

from .database import Connection, one
from .output import RefusedError, log
from .stored_keys import KEYS, key_of_service

STORED_SETTINGS = "STORED_SETTINGS"
"""Variable with the names of the variables that the config sets, separated by commas. Those that Open WebUI does not
store may be among them."""

TABLE = "config"


def set_by_config(environment: Mapping[str, str]) -> list[str]:
    """Variables that the config sets and Open WebUI stores."""
    return [name for name in environment.get(STORED_SETTINGS, "").split(",") if name in KEYS]


def stored_rows(environment: Mapping[str, str]) -> dict[str, Any]:
    """The rows of the table that the config sets, by key. Raises `RefusedError` for a value with which Open WebUI
    would not start. The message never quotes it.
    """
    rows: dict[str, Any] = {}
    for name in set_by_config(environment):
        key, read = KEYS[name]
        if name in environment or read is key_of_service:
            try:
                rows[key] = read(environment.get(name, ""))
            except ValueError:
                raise RefusedError(f"{name} cannot be read: Open WebUI expects a number or JSON.") from None
    return rows


def store_settings(connection: Connection, environment: Mapping[str, str]) -> None:
    """Write the rows that differ, and log their keys. Other replicas read them with their next request."""
    rows = stored_rows(environment)
    if not rows or one(connection, b"SELECT to_regclass(%s)", TABLE) is None:
        return
    if changed := _write(connection, rows):
        log(f"Settings of the stack stored in the database: {', '.join(changed)}.")


def _write(connection: Connection, rows: Mapping[str, Any]) -> list[str]:
    """Write rows of the table where they differ. Returns the keys of those."""
    changed: list[str] = []
    with connection.transaction():
        for key, value in rows.items():
            row = connection.execute(
                b"INSERT INTO config (key, value, updated_at) VALUES (%s, %s::json, %s) ON CONFLICT (key) DO UPDATE"
                b" SET value = excluded.value, updated_at = excluded.updated_at"
                b" WHERE config.value::jsonb IS DISTINCT FROM excluded.value::jsonb RETURNING key",
                (key, json.dumps(value), int(time.time())),
            ).fetchone()
            changed += [key] if row else []
    return changed
