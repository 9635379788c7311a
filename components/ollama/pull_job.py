"""The Job that pulls the models of Ollama: `pulumi up` ends when the server lists them."""

from collections.abc import Sequence
from pathlib import Path

import pulumi
import pulumi_kubernetes as k8s
from pulumi_kubernetes.core.v1 import PodSpecArgsDict
from pulumi_kubernetes.networking.v1 import NetworkPolicyEgressRuleArgsDict

from ..blocks.children import Children
from ..blocks.generated_secrets import checksum
from ..blocks.pod import plain_variables, restricted_container, restricted_pod
from .names import PULL
from .settings import OllamaSettings, pull_resources

_SCRIPT = "pull.sh"
_DIRECTORY = "/etc/ollama-pull"
_WAIT_SECONDS = 300

PULL_SCRIPT = (Path(__file__).with_name("files") / _SCRIPT).read_text()
"""Pulls the models that the server does not have."""


def pull_job(
    children: Children,
    settings: OllamaSettings,
    *,
    server: str,
    egress: Sequence[NetworkPolicyEgressRuleArgsDict],
    depends_on: list[pulumi.Resource],
) -> k8s.batch.v1.Job:
    """The Job and its objects. It runs again whenever the models change, and after a failure at every update.

    Args:
        children: creates the objects of the Job.
        settings: the component's settings.
        server: URL of the server.
        egress: egress rules to the server.
        depends_on: objects that must exist before it starts.
    """
    files = {_SCRIPT: PULL_SCRIPT}
    own = [
        children.config_map(PULL, files),
        children.network_policy(PULL, ingress=[], egress=list(egress)),
        children.service_account(PULL),
    ]
    return k8s.batch.v1.Job(
        PULL,
        # A failed Job does not run again by itself: the next update creates another one.
        metadata=children.metadata(PULL, {"pulumi.com/replaceUnready": "true"}),
        spec={
            # A new attempt resumes an interrupted download.
            "backoff_limit": 6,
            "active_deadline_seconds": settings.pull_seconds,
            "template": children.pod_template(_pod(settings, server), {"checksum/files": checksum(files)}),
        },
        opts=children.options(
            depends_on=[*depends_on, *own],
            # The pods of a Job are immutable: another Job runs instead.
            replace_on_changes=["spec"],
            delete_before_replace=True,
            custom_timeouts=pulumi.CustomTimeouts(create=f"{settings.pull_seconds + 300}s"),
        ),
    )


def _pod(settings: OllamaSettings, server: str) -> PodSpecArgsDict:
    variables: dict[str, str | int] = {"HOME": "/tmp", "OLLAMA_HOST": server, "PULL_WAIT_SECONDS": _WAIT_SECONDS}
    container = restricted_container(
        {
            "name": "pull",
            "image": settings.image,
            "command": ["sh", f"{_DIRECTORY}/{_SCRIPT}", *settings.models],
            "env": plain_variables(variables),
            # The last lines say why it failed: `kubectl describe` and `pulumi up` show them.
            "termination_message_policy": "FallbackToLogsOnError",
            "volume_mounts": [
                {"name": "files", "mount_path": _DIRECTORY, "read_only": True},
                {"name": "tmp", "mount_path": "/tmp"},
            ],
        },
        pull_resources(),
    )
    return restricted_pod(
        PULL,
        {
            "restart_policy": "Never",
            "containers": [container],
            "volumes": [
                {"name": "files", "config_map": {"name": PULL}},
                {"name": "tmp", "empty_dir": {"size_limit": "16Mi"}},
            ],
        },
    )
