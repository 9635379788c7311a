"""Scripts that make a data directory ready for a server, and keep its roles up to date."""

from pathlib import Path

_FILES = Path(__file__).with_name("files")

ROLES_SCRIPT = "roles.sh"

PREPARE_SCRIPTS = {
    name: (_FILES / name).read_text()
    for name in ("prepare.sh", "upgrade.sh", "contents.sql", ROLES_SCRIPT, "roles.sql")
}
"""Text of the scripts by their file names. ``prepare.sh`` finds the others beside it: it creates the cluster, the
roles, the database and pgvector, and brings data of another major version to its own. ``roles.sh`` also runs beside the
server, and gives the roles their current passwords."""
