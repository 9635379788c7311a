"""Several servers with replicas: what Sentinels and a Redis Cluster have in common."""

from collections.abc import Mapping
from typing import ClassVar

from ..server.places import DATA_DIRECTORY
from .base import ServerTopology


class Replicated(ServerTopology):
    """Several servers, each in a pod of a StatefulSet."""

    replicated: ClassVar[bool] = True

    # preStop waits for 20 s until a replica is promoted; then the server writes its file and ends.
    grace_seconds: ClassVar[int] = 60

    users: ClassVar[tuple[str, ...]] = (*ServerTopology.users, "replication", "probe")

    @property
    def needs_replica(self) -> bool:
        """Whether a primary without a replica refuses writes."""
        return True

    @property
    def directives(self) -> tuple[str, ...]:
        replica = self.settings.figures.replica
        return (
            f"""\
{_MIN_REPLICAS if self.needs_replica else ""}\
dir {DATA_DIRECTORY}
# A replica is served at once, not together with others that may come within five seconds.
repl-diskless-sync-delay 0
# An empty replica needs no file, and none is left to start from: it would be of another time.
repl-diskless-load on-empty-db
rdb-del-sync-files yes
client-output-buffer-limit replica {replica} {replica // 4} 60
""",
        )

    @property
    def claims(self) -> Mapping[str, str]:
        return {}

    @property
    def claim_templates(self) -> Mapping[str, str]:
        return {"data": self.settings.storage.size} if self.settings.durability == "volume" else {}


_MIN_REPLICAS = """\
# A primary without a replica refuses writes: if it is partitioned, a failover would discard them.
min-replicas-to-write 1
min-replicas-max-lag 10
"""
