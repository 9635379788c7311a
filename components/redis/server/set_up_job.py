"""The Job that creates a Redis Cluster of the servers, or reshapes an existing one to match the settings."""

from collections.abc import Mapping

import pulumi
import pulumi_kubernetes as k8s
from pulumi import Input
from pulumi_kubernetes.core.v1 import PodTemplateSpecArgsDict

from ...blocks.children import child_options
from ...blocks.container_resources import resource_requirements
from ...blocks.generated_secrets import checksum
from ...blocks.network_policy import allow_to, network_policy, pods
from ...blocks.pod_security import container_security_context, pod_security_context
from ...blocks.service_account import service_account
from ..settings import RedisSettings
from ..topologies.base import pod_files
from ..topologies.cluster import SET_UP_LABELS, SET_UP_USER
from .container_sizes import set_up_resources
from .places import CONFIGURATION_DIRECTORY, PORT, STATE_DIRECTORY, USERS_DIRECTORY
from .tls import tls_mount, tls_volume
from .users import SECRET

JOB = "redis-set-up"
_SCRIPT = "set-up-cluster.sh"


def set_up_job(
    parent: pulumi.ComponentResource,
    settings: RedisSettings,
    variables: Mapping[str, str],
    *,
    in_namespace: Input[str],
    servers: dict[str, str],
    depends_on: list[pulumi.Resource],
) -> None:
    """Create the Job and its objects. It runs again whenever anything of it changes.

    Args:
        parent: component that they belong to.
        settings: the component's settings.
        variables: environment variables of the script.
        in_namespace: namespace of the objects.
        servers: labels of the servers' pods, the only ones to which the Job may connect.
        depends_on: what has to exist before it starts.
    """
    options = child_options(parent)
    labels = SET_UP_LABELS.metadata
    metadata: k8s.meta.v1.ObjectMetaArgsDict = {"namespace": in_namespace, "labels": labels}
    files = pod_files("node.sh", _SCRIPT)
    scripts = k8s.core.v1.ConfigMap(JOB, metadata={**metadata, "name": JOB}, data=files, opts=options)
    policy = network_policy(
        JOB,
        in_namespace=in_namespace,
        labels=labels,
        selector=SET_UP_LABELS.selector,
        ingress=[],
        egress=[allow_to([pods(servers)], PORT)],
        opts=options,
    )
    account = service_account(JOB, in_namespace=in_namespace, labels=SET_UP_LABELS, opts=options)
    _job(parent, metadata, _template(settings, variables, checksum(files)), [*depends_on, scripts, policy, account])


def _job(
    parent: pulumi.ComponentResource,
    metadata: k8s.meta.v1.ObjectMetaArgsDict,
    template: PodTemplateSpecArgsDict,
    depends_on: list[pulumi.Resource],
) -> None:
    k8s.batch.v1.Job(
        JOB,
        # A Job that has failed does not run again by itself: the next update makes another one.
        metadata={**metadata, "name": JOB, "annotations": {"pulumi.com/replaceUnready": "true"}},
        spec={
            "backoff_limit": 6,
            # Hash slots with many gigabytes take long to move.
            "active_deadline_seconds": 3600,
            "template": template,
        },
        opts=child_options(
            parent,
            depends_on=depends_on,
            # The pods of a Job are immutable: another Job runs instead.
            replace_on_changes=["spec"],
            delete_before_replace=True,
            custom_timeouts=pulumi.CustomTimeouts(create="65m"),
        ),
    )


def _template(
    settings: RedisSettings, variables: Mapping[str, str], scripts: pulumi.Output[str]
) -> PodTemplateSpecArgsDict:
    return {
        "metadata": {"labels": SET_UP_LABELS.metadata, "annotations": {"checksum/redis-set-up": scripts}},
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
                    "command": ["sh", f"{CONFIGURATION_DIRECTORY}/{_SCRIPT}"],
                    "env": [{"name": name, "value": value} for name, value in variables.items()],
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
                {"name": "conf", "config_map": {"name": JOB}},
                # Its own password and no other.
                {
                    "name": "acl",
                    "secret": {
                        "secret_name": SECRET,
                        "default_mode": 0o440,
                        "items": [{"key": f"{SET_UP_USER}-password", "path": f"{SET_UP_USER}-password"}],
                    },
                },
                {"name": "state", "empty_dir": {"medium": "Memory", "size_limit": "1Mi"}},
                *tls_volume(settings, key=False),
            ],
        },
    }
