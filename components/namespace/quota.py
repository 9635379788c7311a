"""The namespace's quota: what the stack's pods may need together, and a little for the people who look after it."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal

from ..blocks.quantities import mebibytes, quantity
from ..blocks.resources import ContainerResources

# Two pods with the namespace's default limits: room for a debugging pod and a Job.
SPARE_PODS = 2
SPARE = {"cpu": "1", "memory": "512Mi", "ephemeral-storage": "1Gi"}


@dataclass(frozen=True, kw_only=True)
class Workload:
    """Pods of one kind."""

    pods: int
    """Most pods at the same time, the surge of a rolling update included."""

    containers: tuple[ContainerResources, ...]
    """Containers of each pod. Init containers that need no more than these do not count."""


def resource_quota(workloads: Iterable[Workload], *, volumes: int) -> dict[str, str]:
    """Hard limits of a ResourceQuota that fits the workloads.

    Args:
        workloads: everything the stack runs.
        volumes: PersistentVolumeClaims of the stack.
    """
    workloads = list(workloads)
    hard = {"pods": str(sum(workload.pods for workload in workloads) + SPARE_PODS)}
    for side in ("requests", "limits"):
        for name, spare in SPARE.items():
            total = quantity(spare) + sum(
                (
                    workload.pods * _amount(container, side, name)
                    for workload in workloads
                    for container in workload.containers
                ),
                Decimal(0),
            )
            hard[f"{side}.{name}"] = (
                f"{(total * 1000).to_integral_value(ROUND_CEILING)}m" if name == "cpu" else mebibytes(total)
            )
    return {
        **hard,
        "persistentvolumeclaims": str(volumes + 1),
        # The only ways in are the Ingress and the Service inside the cluster.
        "services.loadbalancers": "0",
        "services.nodeports": "0",
    }


def _amount(container: ContainerResources, side: str, name: str) -> Decimal:
    amounts = container["requests"] if side == "requests" else container["limits"]
    return quantity(amounts[name])
