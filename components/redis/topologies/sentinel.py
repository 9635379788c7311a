"""Three servers with a Sentinel beside each; the Sentinels elect the primary."""

from collections.abc import Mapping
from typing import ClassVar

from ..names import APP, HEADLESS_SERVICE, SENTINEL_SERVICE
from ..server.acl import SENTINEL_USERS, Rules
from ..server.container_sizes import sentinel_resources
from ..server.places import PORT, STATE_DIRECTORY, USERS_DIRECTORY
from .base import PodField, Sidecar, pod_files
from .clients import sentinel_variables
from .names import server_names
from .replicated import Replicated

MASTER = "main"
"""Name of the primary that the Sentinels monitor: the host of the clients' URL."""

SENTINEL_PORT = 26379
SERVERS = 3
QUORUM = 2
SENTINEL_HOSTS = [SENTINEL_SERVICE, *server_names(SERVERS)]
"""Sentinels in the order in which clients ask them. A client tries a host for seconds before it asks the next one. The
Service selects a Sentinel that is ready, and possibly another one at the next attempt. The names are used when no
Sentinel is ready.
"""

_CONFIGURATION = f"""\
# The default user may PING and nothing else (sentinel-users.acl).
protected-mode no
port {SENTINEL_PORT}
dir {STATE_DIRECTORY}
aclfile {USERS_DIRECTORY}/sentinel-users.acl
# A pod that comes back has another address and the same name.
sentinel resolve-hostnames yes
sentinel announce-hostnames yes
"""


class Sentinel(Replicated):
    """Three pods, each with a server and a Sentinel."""

    name: ClassVar[str] = "sentinel"
    unused_section: ClassVar[str] = "there are no Sentinels"
    tls_refused: ClassVar[str] = "Open WebUI would connect without TLS, silently"

    host: ClassVar[str] = MASTER
    client_ports: ClassVar[tuple[int, ...]] = (PORT, SENTINEL_PORT)
    peer_ports: ClassVar[tuple[int, ...]] = client_ports
    services: ClassVar[Mapping[str, tuple[str, int]]] = {SENTINEL_SERVICE: ("sentinel", SENTINEL_PORT)}
    headless_ports: ClassVar[Mapping[str, int]] = {APP: PORT, "sentinel": SENTINEL_PORT}

    start_script: ClassVar[str | None] = "start-node.sh"
    stop_script: ClassVar[str | None] = "hand-over.sh"

    users: ClassVar[tuple[str, ...]] = (*Replicated.users, "sentinel")
    acl_files: ClassVar[Mapping[str, Rules]] = {**Replicated.acl_files, "sentinel-users.acl": SENTINEL_USERS}
    reload_variables: ClassVar[Mapping[str, str]] = {"SENTINEL_PORT": str(SENTINEL_PORT)}

    alert_groups: ClassVar[tuple[str, ...]] = (*Replicated.alert_groups, "redis-replication", "redis-sentinel")

    @property
    def pods(self) -> int:
        return SERVERS

    def qualified_host(self, namespace: str) -> str:  # noqa: ARG002
        # Not a host: the name of the primary that clients ask the Sentinels for.
        return self.host

    @property
    def client_variables(self) -> Mapping[str, str]:
        return sentinel_variables(SENTINEL_HOSTS, SENTINEL_PORT)

    @property
    def files(self) -> Mapping[str, str]:
        scripts = pod_files("node.sh", "start-node.sh", "start-sentinel.sh", "hand-over.sh")
        return {"sentinel.conf": _CONFIGURATION, **scripts}

    @property
    def server_variables(self) -> Mapping[str, str | PodField]:
        return {
            "POD_NAME": PodField("metadata.name"),
            "NODES": " ".join(server_names(SERVERS)),
            "DOMAIN": HEADLESS_SERVICE,
            "ENGINE": self.settings.engine,
            "ACCOUNT": "sentinel",
            "QUORUM": str(QUORUM),
            "DOWN_AFTER_MILLISECONDS": str(self.settings.sentinel.down_after_seconds * 1000),
        }

    @property
    def sidecars(self) -> tuple[Sidecar, ...]:
        sentinel = Sidecar(
            name="sentinel", script="start-sentinel.sh", port=SENTINEL_PORT, resources=sentinel_resources()
        )
        return (sentinel,)
