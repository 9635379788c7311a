"""The quota of the namespace: the sum of the components' footprints, and room for other pods."""

from collections.abc import Iterable
from decimal import ROUND_CEILING, Decimal

from ..blocks.footprint import Footprint
from ..blocks.quantities import mebibytes, quantity
from ..blocks.resources import ContainerResources

# Two pods with the namespace's default limits: room for a debugging pod and a Job.
SPARE_PODS = 2
SPARE = {"cpu": "1", "memory": "512Mi", "ephemeral-storage": "1Gi"}


def resource_quota(footprints: Iterable[Footprint]) -> dict[str, str]:
    """Hard limits of a ResourceQuota for the footprints and the spare pods."""
    footprints = list(footprints)
    load_balancers = sum(footprint.load_balancers for footprint in footprints)
    pods = [each for footprint in footprints for each in footprint.pods]
    hard = {"pods": str(sum(each.count for each in pods) + SPARE_PODS)}
    for side in ("requests", "limits"):
        for name, spare in SPARE.items():
            total = quantity(spare) + sum(
                (each.count * _amount(container, side, name) for each in pods for container in each.containers),
                Decimal(0),
            )
            hard[f"{side}.{name}"] = (
                f"{(total * 1000).to_integral_value(ROUND_CEILING)}m" if name == "cpu" else mebibytes(total)
            )
    return {
        **hard,
        "persistentvolumeclaims": str(sum(footprint.volumes for footprint in footprints) + 1),
        # Kubernetes allocates a node port for each port of a load balancer.
        "services.loadbalancers": str(load_balancers),
        "services.nodeports": str(load_balancers),
    }


def _amount(container: ContainerResources, side: str, name: str) -> Decimal:
    amounts = container["requests"] if side == "requests" else container["limits"]
    return quantity(amounts[name])
