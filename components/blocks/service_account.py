"""Service accounts: each application has its own, without a token in its pods."""

import pulumi_kubernetes as k8s
from pulumi import Input, ResourceOptions

from .labels import Labels


def service_account(
    name: str, *, in_namespace: Input[str], labels: Labels, opts: ResourceOptions
) -> k8s.core.v1.ServiceAccount:
    """The account of one application. No application of the stack talks to the API server, so there is no token."""
    return k8s.core.v1.ServiceAccount(
        name,
        metadata={"name": name, "namespace": in_namespace, "labels": labels.metadata},
        automount_service_account_token=False,
        opts=opts,
    )
