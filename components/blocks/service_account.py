"""Service accounts: each application has its own, without a token in its pods."""

from collections.abc import Mapping

import pulumi_kubernetes as k8s
from pulumi import Input, ResourceOptions
from pulumi_kubernetes.meta.v1 import ObjectMetaArgsDict

from .labels import Labels


def service_account(
    name: str,
    *,
    in_namespace: Input[str],
    labels: Labels,
    opts: ResourceOptions,
    annotations: Mapping[str, str] | None = None,
) -> k8s.core.v1.ServiceAccount:
    """The account of one application. No application of the stack talks to the API server, so there is no token.

    Args:
        name: name of the resource and of the object.
        in_namespace: namespace of the object.
        labels: those of the application.
        opts: resource options.
        annotations: for example the identity at a cloud provider, whose webhook adds its own token.
    """
    metadata: ObjectMetaArgsDict = {"name": name, "namespace": in_namespace, "labels": labels.metadata}
    return k8s.core.v1.ServiceAccount(
        name,
        metadata={**metadata, "annotations": annotations} if annotations else metadata,
        automount_service_account_token=False,
        opts=opts,
    )
