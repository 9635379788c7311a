"""In a web pod: a SQLite database at the release's revision, with an account and a chat, in base64."""

import base64
import json
import os
import sqlite3
import subprocess
import sys
import tempfile
from contextlib import closing
from pathlib import Path
from typing import Any

CONFIG: dict[str, Any]
# The import of the config migrates the database.
PROGRAM = """
import asyncio, sys
import open_webui.config
from open_webui.utils.auth import get_password_hash
print("hash:" + asyncio.run(get_password_hash(sys.argv[1])))
"""

with tempfile.TemporaryDirectory() as name:
    file = Path(name) / "webui.db"
    environment = {
        **os.environ,
        "DATABASE_URL": f"sqlite:///{file}",
        "PGVECTOR_DB_URL": os.environ["DATABASE_URL"],
        "ENABLE_DB_MIGRATIONS": "true",
        "DATABASE_ENABLE_SQLITE_WAL": "false",
    }
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, CONFIG["password"]],
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    password = done.stdout.rpartition("hash:")[2].strip()
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute(
            "INSERT INTO user (id, name, email, role, last_active_at, updated_at, created_at)"
            " VALUES ('u1', 'Eve', ?, 'user', 1, 1, 1)",
            (CONFIG["email"],),
        )
        connection.execute(
            "INSERT INTO auth (id, email, password, active) VALUES ('u1', ?, ?, 1)", (CONFIG["email"], password)
        )
        connection.execute(
            "INSERT INTO chat (id, user_id, title, chat, created_at, updated_at, archived, pinned, meta)"
            " VALUES ('c1', 'u1', ?, ?, 1, 1, 0, 0, '{}')",
            (CONFIG["title"], json.dumps({"title": CONFIG["title"]}, ensure_ascii=False)),
        )
    print(json.dumps(base64.b64encode(file.read_bytes()).decode()))
