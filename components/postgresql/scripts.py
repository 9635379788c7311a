"""Scripts that make a data directory ready for a server."""

from pathlib import Path

_FILES = Path(__file__).with_name("files")

PREPARE_SCRIPTS = {name: (_FILES / name).read_text() for name in ("prepare.sh", "upgrade.sh", "contents.sql")}
"""Text of the scripts by their file names. ``prepare.sh`` finds the others beside it: it creates the cluster, the role,
the database and pgvector, and brings data of another major version to its own."""
