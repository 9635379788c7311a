"""Settings of the Service of type LoadBalancer."""

from collections.abc import Iterator
from typing import Literal

from pydantic import Field

from ..blocks.addresses import HIGHEST_PORT, Cidr, SourceRange
from ..blocks.base_settings import Fix, Problem, Settings
from ..blocks.metadata_names import MetadataName, PublicText
from .controllers import Clients


class LoadBalancerSettings(Settings):
    """A Service of type LoadBalancer beside the one inside the cluster."""

    enabled: bool = Field(
        False,
        description="Create the Service `open-webui-load-balancer`. TLS ends at the load balancer, or there is no TLS.",
    )
    source_ranges: list[SourceRange] = Field(
        [],
        examples=["198.51.100.0/24"],
        description="Addresses of the users, for the load balancer (`loadBalancerSourceRanges`) and the network "
        "policy. Required; `0.0.0.0/0` allows all addresses.",
    )
    allowed_cidrs: list[Cidr] = Field(
        [],
        description="Further addresses that may connect to the web pods: nodes with `externalTrafficPolicy` `Cluster`, "
        "subnets of a load balancer that connects to pods itself.",
    )
    class_name: MetadataName | None = Field(
        None,
        examples=["service.k8s.aws/nlb"],
        description="`loadBalancerClass`. Default: the cluster's. A change replaces the Service, and its address.",
    )
    external_traffic_policy: Literal["Local", "Cluster"] = Field(
        "Local",
        description="`Local` keeps the addresses of the users, which `sourceRanges` needs. With `Cluster` connections "
        "come from nodes.",
    )
    port: int | None = Field(
        None, ge=1, le=HIGHEST_PORT, description="Port of the Service. Default: that of the public URL."
    )
    annotations: dict[MetadataName, PublicText] = Field(
        {}, description="Annotations of the Service, such as those of the certificate and the idle time-out."
    )
    wait_for_address: bool = Field(
        False, description="Let `pulumi up` wait until the Service has an address (10 minutes at most)."
    )

    @property
    def clients(self) -> Clients:
        """Sources of connections to the web pods; empty without the Service."""
        if not self.enabled:
            return Clients()
        return Clients(cidrs=(*self.source_ranges, *self.allowed_cidrs))

    @property
    def admits_everyone(self) -> bool:
        """Whether the Service is for every address."""
        return any(each.endswith("/0") for each in self.source_ranges)

    def problems(self) -> Iterator[Problem]:
        if not self.enabled:
            yield from self._unused()
            return
        if not self.source_ranges:
            yield Problem(
                keys=("sourceRanges", "enabled"),
                message="enabled without sourceRanges: the network policy would refuse every connection",
                allowed="the addresses of the users; 0.0.0.0/0 for everyone",
                fix="198.51.100.0/24",
            )
        if self.external_traffic_policy == "Cluster" and not (self.allowed_cidrs or self.admits_everyone):
            yield Problem(
                keys=("allowedCidrs", "externalTrafficPolicy"),
                message="externalTrafficPolicy Cluster without allowedCidrs: connections come from the addresses of "
                "the nodes, and the network policy would refuse them",
                allowed="the addresses of the nodes, or externalTrafficPolicy Local",
                fix="10.20.0.0/16",
            )

    def _unused(self) -> Iterator[Problem]:
        fields = type(self).model_fields
        for name in sorted(self.model_fields_set - {"enabled"}):
            yield Problem(
                keys=(fields[name].alias or name, "enabled"),
                message=f"{fields[name].alias or name} without a load balancer has no effect",
                allowed="set only with enabled: true",
                fix=Fix.REMOVE,
            )
