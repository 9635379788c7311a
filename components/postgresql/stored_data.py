"""The release that wrote a database's files, and the changes of the image that cannot read them."""

from ..blocks.finding import Finding, fix_command
from ..blocks.image_versions import postgresql_major
from ..blocks.quantities import quantity
from ..blocks.remembered import Facts
from .settings import PostgreSQLSettings

REMEMBERED = "postgresql-data"
"""Logical name of the record of the volume, the same in every topology with a volume."""

_TOPOLOGY = "topology"
"""Fact of a cluster only: a stack without this fact is standalone."""

_RECOVERED_FROM = "recoveredFrom"


def stored_data(settings: PostgreSQLSettings) -> Facts:
    """Facts about the files on the volume of a server with these settings, and how they follow another image."""
    upgrade = settings.upgrade
    return {
        "image": settings.image,
        **({"upgradeFrom": upgrade.from_image} if upgrade.from_image else {}),
        **({"upgradeUndo": str(upgrade.undo)} if upgrade.undo else {}),
    }


def refused_image(before: Facts, after: Facts) -> Finding | None:
    """The reason why the new image cannot use the files; None if it can, or if a tag does not name the version.

    A server starts on files of its own major version only: https://www.postgresql.org/docs/current/upgrading.html. A
    version that the tag does not name is checked at the start of the pod (prepare.sh), as is an upgrade.
    """
    if finding := refused_topology(before, after):
        return finding
    old, new = postgresql_major(before["image"]), postgresql_major(after["image"])
    if old is None or new is None or old == new or after.get("upgradeUndo") == old:
        return None
    dumped_by = after.get("upgradeFrom")
    if dumped_by and postgresql_major(dumped_by) in (old, None) and int(old) < int(new):
        return None
    way = f"an image of PostgreSQL {old}; {_way(old, new)} (docs/operations/upgrade-postgresql.md)"
    return _other_major("postgresql.image", before, after, allowed=way)


def _other_major(key: str, before: Facts, after: Facts, *, allowed: str) -> Finding:
    """The finding about files that the new image does not read.

    Args:
        key: config key of the image.
        before: facts about the files.
        after: facts of the new settings.
        allowed: the images that can follow.
    """
    old, new = (postgresql_major(facts["image"]) for facts in (before, after))
    return Finding(
        key=key,
        value=after["image"],
        message=f"the stored database is of PostgreSQL {old}; PostgreSQL {new} does not start on its files",
        allowed=allowed,
        commands=(fix_command(key, before["image"]),),
    )


def _way(old: str, new: str) -> str:
    if int(new) > int(old):
        return f"or, to upgrade the data, postgresql.upgrade.fromImage with an image of PostgreSQL {old}"
    return f"or, to go back to the data from before an upgrade, postgresql.upgrade.undo {old}"


def stored_cluster(settings: PostgreSQLSettings) -> Facts:
    """Facts about the volumes of a cluster of CloudNativePG."""
    return {
        "image": settings.cloudnative_pg.image,
        "size": settings.storage.size,
        _TOPOLOGY: settings.layout.name,
        **({_RECOVERED_FROM: source} if (source := settings.cloudnative_pg.recovery.archive_name) else {}),
    }


def refused_cluster(before: Facts, after: Facts) -> Finding | None:
    """The reason why the operator would refuse a change of its cluster, or why the cluster would have no data.

    It upgrades the files to a newer major version, and never back; volumes grow and never shrink:
    https://cloudnative-pg.io/documentation/current/postgres_upgrades/
    """
    if finding := refused_topology(before, after):
        return finding
    old, new = postgresql_major(before["image"]), postgresql_major(after["image"])
    if old and new and int(new) < int(old):
        return _other_major(
            "postgresql.cloudnativePg.image", before, after, allowed=f"an image of PostgreSQL {old} or newer"
        )
    if quantity(after["size"]) < quantity(before["size"]):
        return Finding(
            key="postgresql.storage.size",
            value=after["size"],
            message=f"the volumes have {before['size']}; they grow and never shrink",
            allowed=f"{before['size']} or more",
            commands=(fix_command("postgresql.storage.size", before["size"]),),
        )
    if (source := after.get(_RECOVERED_FROM)) and source != before.get(_RECOVERED_FROM):
        return Finding(
            key="postgresql.cloudnativePg.recovery.archiveName",
            value=source,
            message="the cluster exists; only a new one is created from an archive",
            allowed="no value; to recover: another stack (docs/operations/point-in-time-recovery.md)",
            commands=(fix_command("postgresql.cloudnativePg.recovery.archiveName", ""),),
        )
    return None


def refused_topology(before: Facts, after: Facts) -> Finding | None:
    """The reason why a server of another topology does not have the data."""
    old, new = (facts.get(_TOPOLOGY, "standalone") for facts in (before, after))
    if old == new:
        return None
    return Finding(
        key="postgresql.topology",
        value=new,
        message=f"the database is on the volume of topology {old}; topology {new} starts with an empty one",
        allowed=f"{old}. To move the data: docs/postgresql.md, Changing the topology",
        commands=(fix_command("postgresql.topology", old),),
    )
