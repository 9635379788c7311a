"""The namespace as one ComponentResource: Pod Security, quota, default limits and default-deny networking."""

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi
import pulumi_kubernetes as k8s
from pulumi import Output, ResourceOptions

from ..blocks.children import child_options, stateful
from ..blocks.network_policy import addresses, allow_dns, network_policy
from ..blocks.network_policy import namespace as pods_of_namespace
from .settings import DnsSettings

LABELS = {"app.kubernetes.io/part-of": "open-webui-stack", "app.kubernetes.io/managed-by": "pulumi"}


@dataclass(frozen=True, kw_only=True)
class NamespaceArgs:
    """What the namespace needs from outside."""

    name: str
    """Name of the namespace. It must not exist yet."""

    quota: Mapping[str, str]
    """Hard limits of the namespace's ResourceQuota."""

    dns: DnsSettings
    """The DNS servers that every pod may ask."""

    pod_security_version: str
    """Version of the Pod Security Standard, such as ``v1.30``."""

    protect: bool
    """Whether the namespace, and with it all data, is refused deletion."""


class Namespace(pulumi.ComponentResource):
    """A namespace of restricted pods, within a quota, in which nobody talks to anybody unless a policy says so."""

    name: Output[str]
    """Name of the namespace, known once it exists: what is placed in it is created after it."""

    def __init__(self, name: str, args: NamespaceArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("open-webui-stack:namespace:Namespace", name, opts=opts)
        namespace = k8s.core.v1.Namespace(
            "namespace",
            metadata={"name": args.name, "labels": {**LABELS, **_pod_security(args.pod_security_version)}},
            opts=child_options(self, **stateful(args.protect)),
        )
        self.name = namespace.metadata["name"]
        dns = args.dns
        network_policy(
            "default-deny",
            in_namespace=self.name,
            labels=LABELS,
            selector={},
            ingress=[],
            egress=[allow_dns([pods_of_namespace(dns.pods_namespace), *map(addresses, dns.addresses)], dns.pods_port)],
            opts=child_options(self),
        )
        self._quota(args.quota)
        self._default_limits()
        self.register_outputs({"name": self.name})

    def _quota(self, hard: Mapping[str, str]) -> None:
        k8s.core.v1.ResourceQuota(
            "quota",
            metadata={"name": "quota", "namespace": self.name, "labels": LABELS},
            spec={"hard": dict(hard)},
            opts=child_options(self),
        )

    def _default_limits(self) -> None:
        # The stack's own containers say what they need; this is for what is run beside them, such as a debugging pod,
        # which the quota would refuse without requests and limits.
        k8s.core.v1.LimitRange(
            "default-limits",
            metadata={"name": "default-limits", "namespace": self.name, "labels": LABELS},
            spec={
                "limits": [
                    {
                        "type": "Container",
                        "default_request": {"cpu": "50m", "memory": "64Mi", "ephemeral-storage": "64Mi"},
                        "default": {"cpu": "500m", "memory": "256Mi", "ephemeral-storage": "512Mi"},
                    }
                ]
            },
            opts=child_options(self),
        )


def _pod_security(version: str) -> dict[str, str]:
    return {
        f"pod-security.kubernetes.io/{mode}{suffix}": value
        for mode in ("enforce", "audit", "warn")
        for suffix, value in (("", "restricted"), ("-version", version))
    }
