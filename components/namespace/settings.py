"""Settings for everything in the namespace: Pod Security, quota and DNS."""

import re
from typing import Annotated, Literal

from pydantic import Field

from ..blocks.addresses import HIGHEST_PORT, Cidr
from ..blocks.base_settings import Settings
from ..blocks.names import ExistingNamespace
from ..blocks.patterns import matching

# NodeLocal DNSCache answers at this link-local address on every node, outside the cluster's pod network.
# https://kubernetes.io/docs/tasks/administer-cluster/nodelocaldns/
_NODE_LOCAL = "169.254.20.10/32"
# Namespace, port of the pods, further addresses. CoreDNS in OpenShift listens on 5353 behind its Service's 53, and
# policies see the pod's port: https://docs.redhat.com/en/documentation/openshift_container_platform (DNS Operator).
_PRESETS: dict[str, tuple[str, int, tuple[str, ...]]] = {
    "kube-system": ("kube-system", 53, (_NODE_LOCAL,)),
    "openshift": ("openshift-dns", 5353, ()),
}


_VERSION = re.compile(r"v1\.(3[0-9]|[4-9][0-9])")


# `latest` changes its meaning with the cluster: from 1.34 on it refuses hosts in probes, from 1.35 on it allows
# root in a user namespace (k8s.io/pod-security-admission v0.36.3, policy/).
_pod_security_version = matching(
    _VERSION,
    "pod_security_version",
    "not a version of the Pod Security Standard",
    allowed="v1. and a minor version of at least 30; not latest",
    example="v1.30",
)


PodSecurityVersion = Annotated[str, _pod_security_version]
"""A fixed version of the Pod Security Standards, such as ``v1.30``."""


class QuotaSettings(Settings):
    """`quota` in the stack's config."""

    enabled: bool | None = Field(
        None,
        examples=["true"],
        description="Limit the namespace to the needs of the stack (ResourceQuota, LimitRange). Default: `true` in "
        "a namespace that the stack creates.",
    )


class DnsSettings(Settings):
    """`dns` in the stack's config: the DNS servers that every pod may query."""

    preset: Literal["kube-system", "openshift"] = Field(
        "kube-system",
        description="Where the cluster's DNS runs. `kube-system`: there, on port 53, and NodeLocal DNSCache at "
        "169.254.20.10. `openshift`: `openshift-dns`, port 5353 of its pods.",
    )
    namespace: ExistingNamespace | None = Field(
        None, description="Namespace of the DNS servers' pods. Default: that of `dns.preset`."
    )
    port: int | None = Field(
        None, ge=1, le=HIGHEST_PORT, description="Port of the DNS servers' pods. Default: that of `dns.preset`."
    )
    cidrs: list[Cidr] = Field(
        [],
        description="Further addresses of DNS servers, such as the cluster IP of the DNS Service where NodeLocal "
        "DNSCache answers at it, or 169.254.169.254/32 with Cloud DNS for GKE.",
    )

    @property
    def pods_namespace(self) -> str:
        """Namespace of the DNS servers' pods."""
        return self.namespace or _PRESETS[self.preset][0]

    @property
    def pods_port(self) -> int:
        """Port of the DNS servers, for UDP and TCP."""
        return self.port or _PRESETS[self.preset][1]

    @property
    def addresses(self) -> list[str]:
        """Addresses of DNS servers that are not pods, as CIDRs."""
        return list(dict.fromkeys([*_PRESETS[self.preset][2], *self.cidrs]))
