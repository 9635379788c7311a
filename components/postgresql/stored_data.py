"""The release that wrote a database's files, and the changes of the image that cannot read them."""

from ..blocks.finding import Finding, fix_command
from ..blocks.image_versions import postgresql_major
from ..blocks.remembered import Facts

REMEMBERED = "postgresql-data"
"""Logical name of what is remembered of the volume."""


def stored_data(image: str) -> Facts:
    """Facts about the files on the volume of a server with that image."""
    return {"image": image}


def refused_image(before: Facts, after: Facts) -> Finding | None:
    """Why the files cannot be used by the new image; None when they can, or when a tag does not name the version.

    A server starts on files of its own major version only: https://www.postgresql.org/docs/current/upgrading.html. A
    version that the tag does not name is checked at the start of the pod (prepare.sh).
    """
    old, new = postgresql_major(before["image"]), postgresql_major(after["image"])
    if old is None or new is None or old == new:
        return None
    return Finding(
        key="postgresql.image",
        value=after["image"],
        message=f"the volume holds a database of PostgreSQL {old}; PostgreSQL {new} does not start on its files",
        allowed=f"an image of PostgreSQL {old}. To change the major version: dump, new volume, restore "
        "(docs/operations/upgrade-postgresql.md)",
        commands=(fix_command("postgresql.image", before["image"]),),
    )
