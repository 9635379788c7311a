"""The Job that creates a Redis Cluster of the servers, or reshapes an existing one to match the settings."""

from collections.abc import Mapping

import pulumi
import pulumi_kubernetes as k8s
from pulumi_kubernetes.core.v1 import ContainerArgsDict, PodSpecArgsDict

from ...blocks.children import Children
from ...blocks.generated_secrets import checksum
from ...blocks.network_policy import allow_to, pods
from ...blocks.pod import plain_variables, restricted_container, restricted_pod, secret_volume
from ...blocks.server_certificate import tls_mount, tls_volume
from ..names import LABELS, SET_UP, USERS_SECRET
from ..settings import RedisSettings
from ..topologies.base import pod_files
from ..topologies.cluster import SET_UP_USER
from .container_sizes import set_up_resources
from .mounts import FILE_MOUNTS, STATE_MOUNT, STATE_VOLUME
from .places import CONFIGURATION_DIRECTORY, PORT, TLS_DIRECTORY

_SCRIPT = "set-up-cluster.sh"


def set_up_job(
    children: Children, settings: RedisSettings, variables: Mapping[str, str], depends_on: list[pulumi.Resource]
) -> None:
    """Create the Job and its objects. It runs again whenever anything of it changes.

    Args:
        children: creates the objects of the Job.
        settings: the component's settings.
        variables: environment variables of the script.
        depends_on: objects that must exist before it starts.
    """
    files = pod_files("node.sh", _SCRIPT)
    own = [
        children.config_map(SET_UP, files),
        children.network_policy(SET_UP, ingress=[], egress=[allow_to([pods(LABELS.selector)], PORT)]),
        children.service_account(SET_UP),
    ]
    template = children.pod_template(_pod(settings, variables), {f"checksum/{SET_UP}": checksum(files)})
    k8s.batch.v1.Job(
        SET_UP,
        # A failed Job does not run again by itself: the next update creates another one.
        metadata=children.metadata(SET_UP, {"pulumi.com/replaceUnready": "true"}),
        spec={
            "backoff_limit": 6,
            # Moving hash slots with many gigabytes takes long.
            "active_deadline_seconds": 3600,
            "template": template,
        },
        opts=children.options(
            depends_on=[*depends_on, *own],
            # The pods of a Job are immutable: another Job runs instead.
            replace_on_changes=["spec"],
            delete_before_replace=True,
            custom_timeouts=pulumi.CustomTimeouts(create="65m"),
        ),
    )


def _pod(settings: RedisSettings, variables: Mapping[str, str]) -> PodSpecArgsDict:
    return restricted_pod(
        SET_UP,
        {
            "restart_policy": "OnFailure",
            "containers": [_container(settings, variables)],
            "volumes": [
                {"name": "conf", "config_map": {"name": SET_UP}},
                # Its own password and no other.
                secret_volume("acl", USERS_SECRET, f"{SET_UP_USER}-password"),
                STATE_VOLUME,
                *tls_volume(settings.tls, key=False),
            ],
        },
    )


def _container(settings: RedisSettings, variables: Mapping[str, str]) -> ContainerArgsDict:
    return restricted_container(
        {
            "name": "set-up",
            "image": settings.container_image,
            "command": ["sh", f"{CONFIGURATION_DIRECTORY}/{_SCRIPT}"],
            "env": plain_variables(variables),
            "volume_mounts": [
                *FILE_MOUNTS,
                STATE_MOUNT,
                *tls_mount(settings.tls, TLS_DIRECTORY),
            ],
        },
        set_up_resources(),
    )
