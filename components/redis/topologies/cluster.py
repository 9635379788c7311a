"""Redis Cluster: the hash slots are divided among several primaries, each with replicas."""

from collections.abc import Mapping
from typing import ClassVar

from ...blocks.labels import Labels
from ..names import APP, HEADLESS_SERVICE, SET_UP_LABELS
from ..server.acl import CLUSTER_USERS, Rules
from ..server.places import DATA_DIRECTORY, MEMBER_DIRECTORY, PORT
from .base import PodField, pod_files
from .clients import CLUSTER_VARIABLES
from .names import server_names
from .replicated import Replicated

BUS_PORT = 16379
"""Port of the cluster bus: the port of the clients plus 10000, as Redis has it."""

SET_UP_USER = "set-up"

# nodes.conf has a few kilobytes. Most storage classes round up.
_MEMBER_VOLUME = "64Mi"


class Cluster(Replicated):
    """One pod a member. A Job creates the Redis Cluster, or reshapes an existing one."""

    name: ClassVar[str] = "cluster"
    unused_section: ClassVar[str] = "there is one primary"

    # A Redis Cluster has one database; the names of the keys differ.
    websocket_database: ClassVar[int] = 0
    peer_ports: ClassVar[tuple[int, ...]] = (PORT, BUS_PORT)
    further_clients: ClassVar[tuple[Labels, ...]] = (SET_UP_LABELS,)
    headless_ports: ClassVar[Mapping[str, int]] = {APP: PORT, "bus": BUS_PORT}

    server_ports: ClassVar[Mapping[str, int]] = headless_ports
    start_script: ClassVar[str | None] = "start-cluster-node.sh"
    stop_script: ClassVar[str | None] = "hand-over-part.sh"
    # Members do not wait for each other.
    pod_management_policy: ClassVar[str] = "Parallel"
    tls_directives: ClassVar[str] = "tls-replication yes\ntls-cluster yes\n"

    users: ClassVar[tuple[str, ...]] = (*Replicated.users, "cluster", SET_UP_USER)
    acl_files: ClassVar[Mapping[str, Rules]] = {"users.acl": CLUSTER_USERS}

    alert_groups: ClassVar[tuple[str, ...]] = (*Replicated.alert_groups, "redis-replication", "redis-cluster")

    @property
    def pods(self) -> int:
        cluster = self.settings.cluster
        return cluster.masters * (1 + cluster.replicas_per_master)

    @property
    def client_variables(self) -> Mapping[str, str]:
        return CLUSTER_VARIABLES

    @property
    def certificate_hosts(self) -> tuple[str, ...]:
        return (*super().certificate_hosts, *server_names(self.pods))

    @property
    def needs_replica(self) -> bool:
        # A primary that is partitioned from the others stops by itself (cluster-node-timeout). With one replica each,
        # some hash slots would refuse writes whenever that replica restarts.
        return self.settings.cluster.replicas_per_master > 1

    @property
    def directives(self) -> tuple[str, ...]:
        return (
            *super().directives,
            f"""\
cluster-enabled yes
cluster-node-timeout {self.settings.cluster.node_timeout_seconds * 1000}
# A pod that restarts gets another address and keeps its name, so clients get names.
cluster-preferred-endpoint-type hostname
# If some hash slots are not covered, the others are served.
cluster-require-full-coverage no
# A partitioned member does not know which tokens have been signed out since.
cluster-allow-reads-when-down no
""",
        )

    @property
    def files(self) -> Mapping[str, str]:
        return pod_files("node.sh", "start-cluster-node.sh", "hand-over-part.sh", "set-up-cluster.sh")

    @property
    def server_variables(self) -> Mapping[str, str | PodField]:
        # Without the names of all members, so that existing members do not restart when members are added.
        directory = DATA_DIRECTORY if self.settings.durability == "volume" else MEMBER_DIRECTORY
        return {
            **self._script_variables("cluster"),
            "NODES_FILE": f"{directory}/nodes.conf",
            "POD_NAME": PodField("metadata.name"),
            "POD_IP": PodField("status.podIP"),
        }

    @property
    def claim_templates(self) -> Mapping[str, str]:
        return super().claim_templates or {"node": _MEMBER_VOLUME}

    @property
    def set_up_variables(self) -> Mapping[str, str] | None:
        return {
            **self._script_variables(SET_UP_USER),
            "NODES": " ".join(server_names(self.pods)),
            "MASTERS": str(self.settings.cluster.masters),
        }

    @property
    def alert_values(self) -> Mapping[str, str]:
        return {"REDIS_REPLICAS": str(self.settings.cluster.replicas_per_master)}

    def _script_variables(self, user: str) -> dict[str, str]:
        options = {"CLIENT_OPTIONS": client_options} if (client_options := self.settings.tls.client_options) else {}
        return {"DOMAIN": HEADLESS_SERVICE, "ENGINE": self.settings.engine, "ACCOUNT": user, **options}
