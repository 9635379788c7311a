"""The Job that asks the database and the bucket whether the new pods can start, while the old ones serve.

docs/decisions/0023-preflight.md
"""

import pulumi
import pulumi_kubernetes as k8s
from pulumi import Input, ResourceOptions
from pulumi_kubernetes.batch.v1 import JobSpecArgsDict
from pulumi_kubernetes.core.v1 import EnvVarArgsDict, PodTemplateSpecArgsDict
from pulumi_kubernetes.networking.v1 import NetworkPolicyEgressRuleArgsDict

from ..blocks.container_resources import resource_requirements
from ..blocks.labels import Labels
from ..blocks.network_policy import network_policy
from ..blocks.pod_security import pod_security_context
from .deadlines import PREFLIGHT_WAIT_SECONDS
from .preflight_resources import preflight_resources
from .settings import OpenWebUISettings
from .startup_scripts import script_container, scripts_volume

JOB = "open-webui-preflight"
LABELS = Labels(app=JOB, component="web")
"""Not those of the web pods: no Service and no budget counts the Job's pod."""

# The image's files belong to group 0.
_IMAGE_GROUP = 0


def preflight_policy(
    in_namespace: Input[str], egress: list[NetworkPolicyEgressRuleArgsDict], opts: ResourceOptions
) -> pulumi.Resource:
    """Network policy of the Job: it may connect to what it asks, and nothing may connect to it."""
    return network_policy(
        JOB,
        in_namespace=in_namespace,
        labels=LABELS.metadata,
        selector=LABELS.selector,
        ingress=[],
        egress=egress,
        opts=opts,
    )


def preflight_job(
    settings: OpenWebUISettings,
    *,
    in_namespace: Input[str],
    files: dict[str, str],
    environment: list[EnvVarArgsDict],
    checksums: dict[str, Input[str]],
    opts: ResourceOptions,
) -> k8s.batch.v1.Job:
    """The Job. Pulumi waits for its end, and an update in which it fails ends there.

    It runs again whenever something of the new pods' environment changes, and after a failure at every update.

    Args:
        settings: the component's settings.
        in_namespace: namespace of the Job.
        files: the scripts.
        environment: variables of the container `migrate` of the new pods.
        checksums: annotations that change with the Secrets it reads.
        opts: resource options; what it depends on.
    """
    return k8s.batch.v1.Job(
        JOB,
        metadata={
            "name": JOB,
            "namespace": in_namespace,
            "labels": LABELS.metadata,
            # A Job that has failed does not run again by itself. Its pods cannot be changed: another Job runs instead.
            "annotations": {"pulumi.com/replaceUnready": "true"},
        },
        spec=_spec(settings, _template(settings, files, environment, checksums)),
        opts=ResourceOptions.merge(
            opts,
            ResourceOptions(
                replace_on_changes=["spec"],
                delete_before_replace=True,
                custom_timeouts=pulumi.CustomTimeouts(create=f"{settings.deadlines.preflight_create}s"),
            ),
        ),
    )


def _spec(settings: OpenWebUISettings, template: PodTemplateSpecArgsDict) -> JobSpecArgsDict:
    return {
        # The script itself is patient. Another try would only delay the refusal.
        "backoff_limit": 0,
        "active_deadline_seconds": settings.deadlines.preflight,
        # A drained node is not a refusal. No rule with FailJob: Pulumi does not see that such a Job has failed.
        "pod_failure_policy": {
            "rules": [
                {"action": "Ignore", "on_pod_conditions": [{"type": "DisruptionTarget", "status": "True"}]},
            ]
        },
        # No ttl_seconds_after_finished: a refresh would miss the Job and make it again.
        "template": template,
    }


def _template(
    settings: OpenWebUISettings,
    files: dict[str, str],
    environment: list[EnvVarArgsDict],
    checksums: dict[str, Input[str]],
) -> PodTemplateSpecArgsDict:
    patience: EnvVarArgsDict = {"name": "PREFLIGHT_WAIT_SECONDS", "value": str(PREFLIGHT_WAIT_SECONDS)}
    return {
        "metadata": {"labels": LABELS.metadata, "annotations": checksums},
        "spec": {
            "service_account_name": JOB,
            "automount_service_account_token": False,
            "enable_service_links": False,
            "restart_policy": "Never",
            "security_context": pod_security_context(group=_IMAGE_GROUP),
            "containers": [
                script_container(
                    "preflight",
                    image=settings.image,
                    environment=[*environment, patience],
                    resources=resource_requirements(preflight_resources()),
                    mounts=[],
                )
            ],
            "volumes": [scripts_volume(files)],
        },
    }
