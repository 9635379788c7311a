"""The database server of a deployed stack: its image, its release, and the room on its volume."""

import json
from dataclasses import dataclass
from typing import Any

from components.blocks.image_versions import postgresql_major
from components.postgresql import names as postgresql
from terminal.errors import LocalError, UsageError

from ..deployed.database import POD
from ..deployed.kubectl import KubectlError
from ..deployed.stack import Stack

# The server's own words, and the directories that an upgrade has left (components/postgresql/files/upgrade.sh).
_QUESTION = """
psql --no-psqlrc --no-password -qAtU postgres -d postgres -c "
SELECT json_build_object('major', current_setting('server_version_num')::int / 10000,
    'size', (SELECT sum(pg_database_size(oid))::bigint / 1048576 FROM pg_database))"
cd /var/lib/postgresql/data
df -P -m . | awk 'NR == 2 { print $4 }'
for directory in pgdata-*; do [ -e "$directory/PG_VERSION" ] && echo "$directory"; done
exit 0
"""


@dataclass(frozen=True, kw_only=True)
class Server:
    """The server that runs."""

    image: str
    major: int
    """Its major version: 17."""

    mebibytes: int
    """MiB of all its databases."""

    free: int
    """MiB that are free on its volume."""

    kept: tuple[str, ...]
    """Data directories from before upgrades, in addition to the one in use."""

    @property
    def needed(self) -> int:
        """MiB that an upgrade needs on the volume: dump and new data (upgrade.sh)."""
        return 2 * self.mebibytes + 192


def read_server(stack: Stack) -> Server:
    """The server of a stack.

    Raises:
        UsageError: the stack has no server of its own.
        LocalError: its pod does not answer, or is simulated.
    """
    cluster = stack.database_cluster()
    workload = stack.workloads(cluster).get(postgresql.APP)
    if workload is None:
        raise UsageError(
            f"there is no StatefulSet {postgresql.APP} in the namespace {stack.kubectl.namespace}: the database is "
            "not the stack's own, and its operator upgrades it"
        )
    if cluster:
        raise UsageError(
            "CloudNativePG runs the database, and upgrades it itself when postgresql.cloudnativePg.image has a newer "
            "major version (docs/postgresql.md)"
        )
    if stack.is_simulated():
        raise LocalError("pods are simulated here: no container runs, so there is no data to upgrade")
    try:
        printed = stack.kubectl.run("exec", POD, "-c", postgresql.APP, "--", "sh", "-c", _QUESTION).splitlines()
    except KubectlError as error:
        raise LocalError(f"the server does not answer: {error}") from error
    facts: dict[str, Any] = json.loads(printed[0])
    return Server(
        image=_image(workload),
        major=int(facts["major"]),
        mebibytes=int(facts["size"]),
        free=int(printed[1]),
        kept=tuple(printed[2:]),
    )


def _image(workload: dict[str, Any]) -> str:
    containers = workload["spec"]["template"]["spec"]["containers"]
    return next(str(each["image"]) for each in containers if each["name"] == postgresql.APP)


def check_upgrade(server: Server, image: str) -> None:
    """Raise UsageError unless the server's data can be upgraded to that image."""
    new = postgresql_major(image)
    if new is not None and int(new) <= server.major:
        raise UsageError(
            f"the server has PostgreSQL {server.major}, and {image} PostgreSQL {new}: it is not an upgrade. "
            "A minor release is a change of postgresql.image alone"
        )
    if server.free < server.needed:
        raise UsageError(
            f"the volume has {server.free} MiB free, and the upgrade of {server.mebibytes} MiB needs {server.needed} "
            "MiB. Raise postgresql.storage.size first. Nothing was changed"
        )


def check_undo(server: Server, image: str) -> None:
    """Raise UsageError unless the data from before an upgrade to the server's release are there."""
    old = postgresql_major(image)
    names = ", ".join(server.kept) or "none"
    if old is None or f"pgdata-{old}" not in server.kept:
        raise UsageError(
            f"there is no data directory of the release of {image} on the volume; there are: {names}. "
            "Nothing was changed"
        )
