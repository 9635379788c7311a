"""Three nodes, each a server and a Sentinel in one pod: what differs from a standalone server."""

from pathlib import Path

from pulumi_kubernetes.core.v1 import ContainerArgsDict, EnvVarArgsDict, LifecycleArgsDict, VolumeMountArgsDict

from ...blocks.container_resources import resource_requirements
from ...blocks.pod_security import container_security_context
from ...blocks.probes import exec_probe
from ..server.configuration import CONFIGURATION_DIRECTORY, STATE_DIRECTORY, USERS_DIRECTORY
from ..server.container_sizes import sentinel_resources
from ..settings import RedisSettings
from .nodes import NODES_SERVICE, SENTINEL_SERVICE, node_names

MASTER = "main"
"""Name of the service that the Sentinels watch: the host of the clients' URL."""

SENTINEL_PORT = 26379
NODES = 3
# The clients ask in this order and try a host for seconds before they ask the next one. The Service leads to a Sentinel
# that is ready, and the next attempt to another one; the names are for when it leads nowhere.
SENTINEL_HOSTS = [SENTINEL_SERVICE, *node_names(NODES)]
QUORUM = 2
# preStop waits 20 s for another master; then the server writes its file and ends.
GRACE_SECONDS = 60

_FILES = Path(__file__).parent.parent / "files"
_SCRIPTS = [_FILES / f"{name}.sh" for name in ("node", "start-node", "start-sentinel", "hand-over")]


def sentinel_files() -> dict[str, str]:
    """The scripts of a node and the part of the Sentinel's configuration that is the same for all of them."""
    conf = f"""\
# The default user may PING and nothing else (sentinel-users.acl).
protected-mode no
port {SENTINEL_PORT}
dir {STATE_DIRECTORY}
aclfile {USERS_DIRECTORY}/sentinel-users.acl
# A pod that comes back has another address and the same name.
sentinel resolve-hostnames yes
sentinel announce-hostnames yes
"""
    return {"sentinel.conf": conf, **{script.name: script.read_text() for script in _SCRIPTS}}


def node_environment(settings: RedisSettings) -> list[EnvVarArgsDict]:
    """Variables of the scripts of a node."""
    plain = {
        "NODES": " ".join(node_names(NODES)),
        "DOMAIN": NODES_SERVICE,
        "ENGINE": settings.engine,
        "ACCOUNT": "sentinel",
        "QUORUM": str(QUORUM),
        "DOWN_AFTER_MILLISECONDS": str(settings.sentinel.down_after_seconds * 1000),
    }
    variables: list[EnvVarArgsDict] = [{"name": name, "value": value} for name, value in plain.items()]
    return [{"name": "POD_NAME", "value_from": {"field_ref": {"field_path": "metadata.name"}}}, *variables]


def start_node() -> list[str]:
    """Command of the server's container."""
    return ["sh", f"{CONFIGURATION_DIRECTORY}/start-node.sh"]


def hand_over() -> LifecycleArgsDict:
    """Lifecycle of the server's container: a master has a successor before it ends."""
    return {"pre_stop": {"exec_": {"command": ["sh", f"{CONFIGURATION_DIRECTORY}/hand-over.sh"]}}}


def sentinel_container(settings: RedisSettings, mounts: list[VolumeMountArgsDict]) -> ContainerArgsDict:
    """The Sentinel of a node.

    Args:
        settings: the component's settings.
        mounts: volume mounts that it shares with the server.
    """
    ping = ["sh", "-c", f"timeout 3 {settings.engine}-cli -p {SENTINEL_PORT} ping | grep -q PONG"]
    return {
        "name": "sentinel",
        "image": settings.container_image,
        "image_pull_policy": "IfNotPresent",
        "command": ["sh", f"{CONFIGURATION_DIRECTORY}/start-sentinel.sh"],
        "env": node_environment(settings),
        "ports": [{"name": "sentinel", "container_port": SENTINEL_PORT, "protocol": "TCP"}],
        "resources": resource_requirements(sentinel_resources()),
        "readiness_probe": exec_probe(ping, period_seconds=5, failure_threshold=3),
        # It starts after its server has, which may wait for another node: until then there is nothing to restart.
        "startup_probe": exec_probe(ping, period_seconds=2, failure_threshold=1800),
        "liveness_probe": exec_probe(ping, period_seconds=10, failure_threshold=6),
        "security_context": container_security_context(),
        "volume_mounts": mounts,
    }
