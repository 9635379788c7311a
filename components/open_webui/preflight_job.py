"""The Job that checks the database and the bucket before the new pods start, while the old ones serve.

docs/decisions/0023-preflight.md
"""

from collections.abc import Sequence

import pulumi
import pulumi_kubernetes as k8s
from pulumi import Input
from pulumi_kubernetes.batch.v1 import JobSpecArgsDict
from pulumi_kubernetes.core.v1 import EnvVarArgsDict, PodSpecArgsDict, PodTemplateSpecArgsDict

from ..blocks.authority import Authority
from ..blocks.children import Children
from ..blocks.pod import authority_mounts, authority_volumes, plain_variables, restricted_pod
from .deadlines import PREFLIGHT_WAIT_SECONDS
from .names import PREFLIGHT
from .preflight_resources import preflight_resources
from .settings import OpenWebUISettings
from .startup_scripts import script_container, scripts_volume

# The image's files belong to group 0.
_IMAGE_GROUP = 0


def preflight_job(
    children: Children,
    settings: OpenWebUISettings,
    *,
    files: dict[str, str],
    environment: list[EnvVarArgsDict],
    authorities: Sequence[Authority],
    account: str,
    checksums: dict[str, Input[str]],
    most_connections: int | None,
    depends_on: list[pulumi.Resource],
) -> k8s.batch.v1.Job:
    """The Job. Pulumi waits until it completes. If it fails, the update fails.

    It runs again whenever the environment of the new pods changes, and after a failure at every update.

    Args:
        children: creates the objects of the preflight.
        settings: the component's settings.
        files: the scripts.
        environment: variables of the container `migrate` of the new pods.
        authorities: certificate authorities of the servers that it connects to.
        account: name of its ServiceAccount.
        checksums: annotations that change with the Secrets it reads.
        most_connections: connections that a pooler opens at most; None: as many as the pods.
        depends_on: objects that must exist before it starts.
    """
    pod = _pod(settings, files, environment, authorities, account, most_connections)
    template = children.pod_template(pod, checksums, settings.feature_labels)
    return k8s.batch.v1.Job(
        PREFLIGHT,
        # A failed Job does not run again by itself, and its pod template is immutable: another Job replaces it.
        metadata=children.metadata(PREFLIGHT, {"pulumi.com/replaceUnready": "true"}),
        spec=_spec(settings, template),
        opts=children.options(
            depends_on=depends_on,
            replace_on_changes=["spec"],
            delete_before_replace=True,
            custom_timeouts=pulumi.CustomTimeouts(create=f"{settings.deadlines.preflight_create}s"),
        ),
    )


def _spec(settings: OpenWebUISettings, template: PodTemplateSpecArgsDict) -> JobSpecArgsDict:
    return {
        # The script itself waits and retries. Another pod would only delay the refusal.
        "backoff_limit": 0,
        "active_deadline_seconds": settings.deadlines.preflight,
        # The eviction of the pod is not a failure. There is no FailJob rule, because Pulumi does not detect the failure
        # of such a Job.
        "pod_failure_policy": {
            "rules": [
                {"action": "Ignore", "on_pod_conditions": [{"type": "DisruptionTarget", "status": "True"}]},
            ]
        },
        # Without ttl_seconds_after_finished: a refresh would not find the Job, and the update would create it again.
        "template": template,
    }


def _pod(
    settings: OpenWebUISettings,
    files: dict[str, str],
    environment: list[EnvVarArgsDict],
    authorities: Sequence[Authority],
    account: str,
    most_connections: int | None,
) -> PodSpecArgsDict:
    # Only in the preflight: in `migrate`, a changed number of pods would roll them.
    of_pods = settings.database_connections
    connections = {"DATABASE_CONNECTIONS": min(of_pods, most_connections) if most_connections else of_pods}
    patience = plain_variables({"PREFLIGHT_WAIT_SECONDS": PREFLIGHT_WAIT_SECONDS, **connections})
    return restricted_pod(
        account,
        {
            "restart_policy": "Never",
            "containers": [
                script_container(
                    "preflight",
                    image=settings.image,
                    environment=[*environment, *patience],
                    resources=preflight_resources(),
                    mounts=authority_mounts(authorities),
                )
            ],
            "volumes": [*authority_volumes(authorities), scripts_volume(files)],
        },
        group=_IMAGE_GROUP,
    )
