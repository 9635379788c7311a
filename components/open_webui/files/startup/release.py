"""The Open WebUI of the image, and the revisions that a database is at."""

import ast
import importlib.util
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .database import Connection, one
from .output import RefusedError


@dataclass(frozen=True)
class Release:
    """A release of Open WebUI."""

    version: str
    """``0.12.4``."""

    revisions: frozenset[str]
    """Its Alembic revisions."""

    heads: frozenset[str]
    """Those that no other revision follows."""


def read_release() -> Release:
    """The image's Open WebUI, without importing it, which takes many seconds.

    Raises `RefusedError` if the working directory does not hold one.
    """
    spec = importlib.util.find_spec("open_webui")
    if spec is None or not spec.submodule_search_locations:
        raise RefusedError(f"There is no Open WebUI in {os.getcwd()}. Run this in its image, in /app/backend.")
    package = Path(next(iter(spec.submodule_search_locations)))
    # Where Open WebUI itself reads its version in the image.
    version = str(json.loads((package.parent.parent / "package.json").read_text(encoding="utf-8"))["version"])
    directory = package / "migrations" / "versions"
    parents = dict(read_revision(file) for file in sorted(directory.glob("*.py")))
    if not parents:
        raise RefusedError(f"Open WebUI {version} has no migrations in {directory}: this script has to be adapted.")
    followed = {parent for several in parents.values() for parent in several}
    return Release(version, frozenset(parents), frozenset(parents) - followed)


def read_revision(file: Path) -> tuple[str, tuple[str, ...]]:
    """Revision of a migration and those it follows. Importing the migration would import half of Open WebUI."""
    values: dict[str, Any] = {}
    for node in ast.parse(file.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
            target = node.target if isinstance(node, ast.AnnAssign) else node.targets[0]
            if isinstance(target, ast.Name) and target.id in ("revision", "down_revision"):
                values[target.id] = ast.literal_eval(node.value)
    followed = values["down_revision"] or ()
    return values["revision"], (followed,) if isinstance(followed, str) else tuple(followed)


def database_revisions(connection: Connection) -> frozenset[str]:
    """Alembic revisions the database is at; none if Open WebUI has never been here."""
    if one(connection, b"SELECT to_regclass('alembic_version')") is None:
        return frozenset()
    return frozenset(row[0] for row in connection.execute(b"SELECT version_num FROM alembic_version"))


def revision_problems(release: Release, revisions: frozenset[str]) -> list[str]:
    """Why the release cannot migrate a database at these revisions."""
    if len(release.heads) != 1:
        heads = ", ".join(sorted(release.heads))
        return [
            f"Open WebUI {release.version} has {len(release.heads)} Alembic heads ({heads}): its own migration would "
            "fail. Deploy another release."
        ]
    if unknown := sorted(revisions - release.revisions):
        return [
            f"The database is at revision {', '.join(unknown)}, which Open WebUI {release.version} does not know: "
            "a newer version has been here. Nothing has been changed. Deploy that version or a newer one, or "
            "restore a backup from before the upgrade."
        ]
    if len(revisions) > 1:
        return [
            f"The database is at {len(revisions)} revisions at the same time ({', '.join(sorted(revisions))}), as "
            "after two migrations that ran together. Nothing has been changed. Restore a backup."
        ]
    return []
