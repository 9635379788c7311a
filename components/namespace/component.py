"""The namespace as one ComponentResource: Pod Security, quota, default limits and default-deny networking."""

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi_kubernetes as k8s
from pulumi import Output

from ..blocks.children import stateful
from ..blocks.component import Component
from ..blocks.labels import PART_OF, STACK
from ..blocks.network_policy import addresses, allow_dns, network_policy
from ..blocks.network_policy import namespace as pods_of_namespace
from .names import DEFAULT_DENY, DEFAULT_LIMITS, QUOTA
from .settings import DnsSettings

LABELS = {PART_OF: STACK, "app.kubernetes.io/managed-by": "pulumi"}


@dataclass(frozen=True, kw_only=True)
class NamespaceArgs:
    """What the namespace needs from outside."""

    name: str
    """Name of the namespace."""

    exists: bool
    """Whether the namespace already exists. The stack then neither changes nor deletes it, and denies connections only
    of its own pods."""

    quota: Mapping[str, str] | None
    """Hard limits of the namespace's ResourceQuota. None: no quota, and no default limits."""

    dns: DnsSettings
    """The DNS servers that every pod may query."""

    pod_security_version: str
    """Version of the Pod Security Standard, such as ``v1.30``."""

    protect: bool
    """Whether Pulumi refuses to delete the namespace, and with it all data."""

    default_deny: str = DEFAULT_DENY
    """Name of the NetworkPolicy of every pod that no other policy selects."""


class Namespace(Component[NamespaceArgs]):
    """A namespace of restricted pods, within a quota, in which no pod may connect to another without a policy rule."""

    TYPE = "open-webui-stack:namespace:Namespace"
    OUTPUTS = ("name",)

    name: Output[str]
    """Name of the namespace. It is known only after the namespace was created, so all objects are created after it. A
    plain value if the stack does not create the namespace."""

    def create(self) -> None:
        args = self.args
        self.name = Output.from_input(args.name) if args.exists else self._namespace()
        dns = args.dns
        servers = [pods_of_namespace(dns.pods_namespace), *map(addresses, dns.addresses)]
        network_policy(
            args.default_deny,
            in_namespace=self.name,
            labels=LABELS,
            # In a namespace that the stack does not manage, other pods keep their connections.
            selector={PART_OF: STACK} if args.exists else {},
            ingress=[],
            egress=[allow_dns(servers, dns.pods_port)],
            opts=self.options(),
        )
        if args.quota is not None:
            self._quota(args.quota)
            self._default_limits()

    def _namespace(self) -> Output[str]:
        args = self.args
        namespace = k8s.core.v1.Namespace(
            "namespace",
            metadata={"name": args.name, "labels": {**LABELS, **_pod_security(args.pod_security_version)}},
            opts=self.options(**stateful(args.protect)),
        )
        return namespace.metadata["name"]

    def _quota(self, hard: Mapping[str, str]) -> None:
        k8s.core.v1.ResourceQuota(
            QUOTA,
            metadata={"name": QUOTA, "namespace": self.name, "labels": LABELS},
            spec={"hard": dict(hard)},
            opts=self.options(),
        )

    def _default_limits(self) -> None:
        # The stack's own containers set their resources. These defaults are for other pods, such as one for debugging,
        # which the quota would refuse without requests and limits.
        k8s.core.v1.LimitRange(
            DEFAULT_LIMITS,
            metadata={"name": DEFAULT_LIMITS, "namespace": self.name, "labels": LABELS},
            spec={
                "limits": [
                    {
                        "type": "Container",
                        "default_request": {"cpu": "50m", "memory": "64Mi", "ephemeral-storage": "64Mi"},
                        "default": {"cpu": "500m", "memory": "256Mi", "ephemeral-storage": "512Mi"},
                    }
                ]
            },
            opts=self.options(),
        )


def _pod_security(version: str) -> dict[str, str]:
    return {
        f"pod-security.kubernetes.io/{mode}{suffix}": value
        for mode in ("enforce", "audit", "warn")
        for suffix, value in (("", "restricted"), ("-version", version))
    }
