"""Redis Cluster: several masters with a part of the data each, and their replicas. What differs from other servers."""

from pathlib import Path

import pulumi
import pulumi_kubernetes as k8s
from pulumi import Input
from pulumi_kubernetes.core.v1 import EnvVarArgsDict, LifecycleArgsDict, PodTemplateSpecArgsDict
from pulumi_kubernetes.networking.v1 import NetworkPolicyEgressRuleArgsDict

from ...blocks.children import child_options
from ...blocks.container_resources import resource_requirements
from ...blocks.generated_secrets import checksum
from ...blocks.labels import Labels
from ...blocks.network_policy import allow_to, network_policy, pods
from ...blocks.pod_security import container_security_context, pod_security_context
from ...blocks.service_account import service_account
from ..server.configuration import (
    CONFIGURATION_DIRECTORY,
    DATA_DIRECTORY,
    NODE_DIRECTORY,
    STATE_DIRECTORY,
    USERS_DIRECTORY,
)
from ..server.container_sizes import set_up_resources
from ..server.tls import client_environment, tls_mount, tls_volume
from ..server.users import SECRET
from ..settings import RedisSettings
from .nodes import NODES_SERVICE, node_names

BUS_PORT = 16379
"""Where the nodes speak with each other: the port of the clients plus 10000, as Redis has it."""

JOB = "redis-set-up"
JOB_LABELS = Labels(app=JOB, component="cache")
"""Not those of the nodes: the Job's pod is none of them."""

USER = "set-up"
# preStop waits 20 s for a replica to take over; then the server writes its file and ends.
GRACE_SECONDS = 60

_SCRIPTS = [
    Path(__file__).parent.parent / "files" / f"{name}.sh"
    for name in ("node", "start-cluster-node", "hand-over-part", "set-up-cluster")
]
_CONFIGURATION_MAP = "redis-set-up"


def cluster_files() -> dict[str, str]:
    """The scripts of a node and of the Job."""
    return {script.name: script.read_text() for script in _SCRIPTS}


def cluster_environment(settings: RedisSettings) -> list[EnvVarArgsDict]:
    """Variables of the scripts of a node."""
    directory = DATA_DIRECTORY if settings.durability == "volume" else NODE_DIRECTORY
    variables = [*_environment(settings, "cluster"), _variable("NODES_FILE", f"{directory}/nodes.conf")]
    # Not the names of all: with more nodes those that are there need not restart.
    for name, path in (("POD_NAME", "metadata.name"), ("POD_IP", "status.podIP")):
        variables.append({"name": name, "value_from": {"field_ref": {"field_path": path}}})
    return variables


def _environment(settings: RedisSettings, account: str) -> list[EnvVarArgsDict]:
    return [
        _variable("DOMAIN", NODES_SERVICE),
        _variable("ENGINE", settings.engine),
        _variable("ACCOUNT", account),
        *client_environment(settings, own=False),
    ]


def _variable(name: str, value: str) -> EnvVarArgsDict:
    return {"name": name, "value": value}


def start_node() -> list[str]:
    """Command of the server's container."""
    return ["sh", f"{CONFIGURATION_DIRECTORY}/start-cluster-node.sh"]


def hand_over() -> LifecycleArgsDict:
    """Lifecycle of the server's container: the part of a master has another one before it ends."""
    return {"pre_stop": {"exec_": {"command": ["sh", f"{CONFIGURATION_DIRECTORY}/hand-over-part.sh"]}}}


def set_up(
    parent: pulumi.ComponentResource,
    settings: RedisSettings,
    *,
    in_namespace: Input[str],
    nodes: dict[str, str],
    port: int,
    depends_on: list[pulumi.Resource],
) -> None:
    """The Job that makes a cluster of the nodes. It runs again whenever something of it changes.

    Args:
        parent: component that it belongs to.
        settings: the component's settings.
        in_namespace: namespace of its objects.
        nodes: labels of the nodes' pods, to which alone it may connect, at ``port``.
        port: port of the servers.
        depends_on: what has to be there before it starts.
    """
    options = child_options(parent)
    files = {name: text for name, text in cluster_files().items() if name in ("node.sh", "set-up-cluster.sh")}
    metadata: k8s.meta.v1.ObjectMetaArgsDict = {"namespace": in_namespace, "labels": JOB_LABELS.metadata}
    scripts = k8s.core.v1.ConfigMap(
        _CONFIGURATION_MAP, metadata={**metadata, "name": _CONFIGURATION_MAP}, data=files, opts=options
    )
    policy = _network_policy(in_namespace, allow_to([pods(nodes)], port), options)
    account = service_account(JOB, in_namespace=in_namespace, labels=JOB_LABELS, opts=options)
    k8s.batch.v1.Job(
        JOB,
        # A Job that has failed does not run again by itself: the next update makes another one.
        metadata={**metadata, "name": JOB, "annotations": {"pulumi.com/replaceUnready": "true"}},
        spec={
            "backoff_limit": 6,
            # Moving parts of many gigabytes takes its time.
            "active_deadline_seconds": 3600,
            "template": _template(settings, checksum(files)),
        },
        opts=child_options(
            parent,
            depends_on=[*depends_on, scripts, policy, account],
            # A Job's pods cannot be changed: another Job runs instead.
            replace_on_changes=["spec"],
            delete_before_replace=True,
            custom_timeouts=pulumi.CustomTimeouts(create="65m"),
        ),
    )


def _network_policy(
    in_namespace: Input[str], edge: NetworkPolicyEgressRuleArgsDict, options: pulumi.ResourceOptions
) -> pulumi.Resource:
    return network_policy(
        JOB,
        in_namespace=in_namespace,
        labels=JOB_LABELS.metadata,
        selector=JOB_LABELS.selector,
        ingress=[],
        egress=[edge],
        opts=options,
    )


def _template(settings: RedisSettings, scripts: pulumi.Output[str]) -> PodTemplateSpecArgsDict:
    return {
        "metadata": {"labels": JOB_LABELS.metadata, "annotations": {"checksum/redis-set-up": scripts}},
        "spec": {
            "service_account_name": JOB,
            "automount_service_account_token": False,
            "enable_service_links": False,
            "restart_policy": "OnFailure",
            "security_context": pod_security_context(),
            "containers": [
                {
                    "name": "set-up",
                    "image": settings.container_image,
                    "image_pull_policy": "IfNotPresent",
                    "command": ["sh", f"{CONFIGURATION_DIRECTORY}/set-up-cluster.sh"],
                    "env": [
                        *_environment(settings, USER),
                        _variable("NODES", " ".join(node_names(settings.nodes))),
                        _variable("MASTERS", str(settings.cluster.masters)),
                    ],
                    "resources": resource_requirements(set_up_resources()),
                    "security_context": container_security_context(),
                    "volume_mounts": [
                        {"name": "conf", "mount_path": CONFIGURATION_DIRECTORY, "read_only": True},
                        {"name": "acl", "mount_path": USERS_DIRECTORY, "read_only": True},
                        {"name": "state", "mount_path": STATE_DIRECTORY},
                        *tls_mount(settings),
                    ],
                }
            ],
            "volumes": [
                {"name": "conf", "config_map": {"name": _CONFIGURATION_MAP}},
                # Its own password, none of the others.
                {
                    "name": "acl",
                    "secret": {
                        "secret_name": SECRET,
                        "default_mode": 0o440,
                        "items": [{"key": f"{USER}-password", "path": f"{USER}-password"}],
                    },
                },
                {"name": "state", "empty_dir": {"medium": "Memory", "size_limit": "1Mi"}},
                *tls_volume(settings, key=False),
            ],
        },
    }
