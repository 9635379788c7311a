"""The interface of all topologies. The settings, the pods and the component use it, and never check the name of the
topology. Free of Pulumi, because the settings use it before anything is registered: objects are plain values here, and
``component.py`` and ``server/pod.py`` create them.
"""

from abc import ABC
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from ...blocks.authority import Authority
from ...blocks.base_settings import Problem
from ...blocks.custom_kinds import KindsNeeded
from ...blocks.footprint import Footprint, Pods
from ...blocks.labels import Labels
from ...blocks.monitoring import MonitoringSettings, exporter_resources
from ...blocks.resources import ContainerResources
from ..names import APP, SERVICE, VOLUME_CLAIM
from ..server.acl import USERS, Rules
from ..server.container_sizes import reload_resources
from ..server.places import PORT
from .authority import authority, with_authority

if TYPE_CHECKING:
    from ..settings import RedisSettings

_FILES = Path(__file__).parent.parent / "files"


def pod_files(*names: str) -> dict[str, str]:
    """Text of files that run in the pods, by name."""
    return {name: (_FILES / name).read_text() for name in names}


class Topology(ABC):
    """One shape of Redis, with the settings of one stack."""

    name: ClassVar[str]
    """Value of the config key."""

    unused_section: ClassVar[str] = ""
    """Why the config section of the same name has no effect without it. Empty: there is no such section."""

    tls_refused: ClassVar[str] = ""
    """Why `redis.tls` cannot be used. Empty: it can."""

    replicated: ClassVar[bool] = False
    """Whether the stack runs several servers, including replicas, each in a pod with a stable name."""

    def __init__(self, settings: "RedisSettings") -> None:
        self.settings = settings

    def problems(self) -> Iterator[Problem]:
        """Cross-field problems of this topology."""
        yield from ()

    @property
    def volumes(self) -> int:
        """PersistentVolumeClaims of Redis."""
        return 0

    def footprint(self, _monitoring: MonitoringSettings) -> Footprint:
        """The maximum that Redis needs in the cluster."""
        return Footprint()

    def kinds_needed(self, _monitoring: MonitoringSettings) -> Iterator[KindsNeeded]:
        """Custom kinds that Redis needs, by the key that asks for them."""
        yield from ()

    @property
    def client_variables(self) -> Mapping[str, str]:
        """Environment variables of Open WebUI beside the URLs."""
        return {}

    @property
    def authority(self) -> Authority | None:
        """The certificate authority of the servers. None: clients use those of their image."""
        return None


@dataclass(frozen=True)
class PodField:
    """Value of an environment variable: a field of the pod."""

    path: str


@dataclass(frozen=True, kw_only=True)
class Sidecar:
    """A container beside the server, with the server's image. It answers PING."""

    name: str
    """Name of the container and of its port."""

    script: str
    """File that starts it."""

    port: int

    resources: ContainerResources


class ServerTopology(Topology):
    """Topologies whose servers the stack runs. The values of this class are for one server."""

    # Network
    host: ClassVar[str] = f"{SERVICE}:{PORT}"
    """Host of the clients' URLs, with the port if the URL needs one."""

    cache_database: ClassVar[int] = 0
    """Logical database of the application's state."""

    websocket_database: ClassVar[int] = 1
    """Logical database of the websockets."""

    client_ports: ClassVar[tuple[int, ...]] = (PORT,)
    """Ports that clients connect to."""

    peer_ports: ClassVar[tuple[int, ...]] = ()
    """Ports that the pods of Redis open to each other."""

    further_clients: ClassVar[tuple[Labels, ...]] = ()
    """Other pods of the component that connect to the servers."""

    services: ClassVar[Mapping[str, tuple[str, int]]] = {}
    """Services in addition to that of the servers: name and number of the port of each."""

    headless_ports: ClassVar[Mapping[str, int]] = {}
    """Ports of the headless Service. Empty: there is no such Service."""

    # Server
    server_ports: ClassVar[Mapping[str, int]] = {APP: PORT}
    """Ports of the server's container."""

    start_script: ClassVar[str | None] = None
    """Script that starts the server. None: the container runs the server program with redis.conf."""

    stop_script: ClassVar[str | None] = None
    """File that runs before the server ends."""

    grace_seconds: ClassVar[int] = 30
    """``terminationGracePeriodSeconds``: time for a server to write its file to the disk before it ends."""

    pod_management_policy: ClassVar[str] = "OrderedReady"
    """``podManagementPolicy`` of a StatefulSet."""

    tls_directives: ClassVar[str] = ""
    """Directives for TLS beside the common ones."""

    # Users
    users: ClassVar[tuple[str, ...]] = ("exporter", "reload")
    """Users of the pod's own containers."""

    acl_files: ClassVar[Mapping[str, Rules]] = {"users.acl": USERS}
    """ACL files and the rules in each."""

    reload_variables: ClassVar[Mapping[str, str]] = {}
    """Environment variables of the container that loads the ACL files."""

    # Monitoring
    alert_groups: ClassVar[tuple[str, ...]] = ("redis",)
    """Groups of ``monitoring/alerts.yaml``."""

    @property
    def pods(self) -> int:
        """Pods of Redis."""
        return 1

    @property
    def volumes(self) -> int:
        return len(self.claims) + self.pods * len(self.claim_templates)

    def footprint(self, monitoring: MonitoringSettings) -> Footprint:
        sidecars = [sidecar.resources for sidecar in self.sidecars]
        if monitoring.enabled:
            sidecars.append(exporter_resources())
        containers = (self.settings.container_resources(), reload_resources(), *sidecars)
        return Footprint(pods=(Pods(count=self.pods, containers=containers),), volumes=self.volumes)

    def kinds_needed(self, monitoring: MonitoringSettings) -> Iterator[KindsNeeded]:
        yield from monitoring.kinds_needed()
        yield from self.settings.tls.kinds_needed("redis.tls")

    @property
    def authority(self) -> Authority | None:
        tls = self.settings.tls
        return authority(tls.secret) if tls.enabled else None

    def url(self, password: str, database: int, namespace: str | None = None) -> str:
        """URL for the clients.

        Args:
            password: password of the user ``openwebui``, quoted for a URL.
            database: `cache_database` or `websocket_database`.
            namespace: that of the servers, for clients in other namespaces. None: the clients are in it.
        """
        host = self.host if namespace is None else self.qualified_host(namespace)
        address = f"openwebui:{password}@{host}/{database}"
        return with_authority(f"rediss://{address}", self.authority) if self.authority else f"redis://{address}"

    def qualified_host(self, namespace: str) -> str:
        """`host` as pods of every namespace resolve it."""
        return f"{SERVICE}.{namespace}.svc:{PORT}"

    @property
    def certificate_hosts(self) -> tuple[str, ...]:
        """Names by which clients connect, without the namespace."""
        return (SERVICE,)

    @property
    def directives(self) -> tuple[str, ...]:
        """Sections of redis.conf beside the common ones."""
        return ()

    @property
    def files(self) -> Mapping[str, str]:
        """Files of the pods beside redis.conf and the script that loads the ACL files."""
        return {}

    @property
    def server_variables(self) -> Mapping[str, str | PodField]:
        """Environment variables of the server's container and of the sidecars."""
        return {}

    @property
    def sidecars(self) -> tuple[Sidecar, ...]:
        """Containers beside the server."""
        return ()

    @property
    def claims(self) -> Mapping[str, str]:
        """PersistentVolumeClaims, and the size of each, that the pod mounts for its data."""
        return {VOLUME_CLAIM: self.settings.storage.size} if self.settings.durability == "volume" else {}

    @property
    def claim_templates(self) -> Mapping[str, str]:
        """Volumes that every pod gets, with their sizes."""
        return {}

    @property
    def stateful(self) -> bool:
        """Whether the pods are those of a StatefulSet.

        Only a StatefulSet waits until the previous pod has ended, even on a lost node: two servers would corrupt one
        file.
        """
        return self.replicated or bool(self.claims)

    @property
    def set_up_variables(self) -> Mapping[str, str] | None:
        """Environment variables of the Job that sets the servers up. None: they need no Job."""
        return None

    @property
    def alert_values(self) -> Mapping[str, str]:
        """Values of placeholders in ``monitoring/alerts.yaml``."""
        return {}
