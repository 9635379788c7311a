"""The requests of a stack over all replicas: CPU, memory, storage."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from components.blocks.quantities import quantity

from .changes import Change
from .model import at
from .workloads import Workload, workloads

_NOTHING = Decimal(0)


@dataclass(frozen=True, kw_only=True)
class Requested:
    """Sums over a stack."""

    cpu: Decimal = _NOTHING
    """Cores."""

    memory: Decimal = _NOTHING
    """Bytes."""

    storage: Decimal = _NOTHING
    """Bytes of PVCs."""

    most_cpu: Decimal = _NOTHING
    """Cores when every autoscaler is at its most replicas."""

    most_memory: Decimal = _NOTHING
    """Bytes when every autoscaler is at its most replicas."""


def requested(changes: Iterable[Change]) -> tuple[Requested, Requested]:
    """Before and after the update.

    A PVC that is retained when its resource is deleted still uses its storage. It is not counted: the stack no longer
    requests it.
    """
    listed = [change for change in changes if change.is_kubernetes]
    return (
        _sum([(change, change.before) for change in listed]),
        _sum([(change, change.after) for change in listed]),
    )


def _sum(objects: list[tuple[Change, Mapping[str, Any]]]) -> Requested:
    running = workloads(objects).values()
    claims = [_storage(item) for change, item in objects if change.kind == "PersistentVolumeClaim"]
    templates = [
        _storage(template) * workload.fewest
        for workload in running
        for template in at(workload.spec, "volumeClaimTemplates") or []
    ]
    return Requested(
        cpu=sum((_pod(workload, "cpu") * workload.fewest for workload in running), _NOTHING),
        memory=sum((_pod(workload, "memory") * workload.fewest for workload in running), _NOTHING),
        storage=sum([*claims, *templates], _NOTHING),
        most_cpu=sum((_pod(workload, "cpu") * workload.most for workload in running), _NOTHING),
        most_memory=sum((_pod(workload, "memory") * workload.most for workload in running), _NOTHING),
    )


def _pod(workload: Workload, resource: str) -> Decimal:
    """The amount that the scheduler reserves for one pod.

    Init containers run one after the other before all others; sidecars (`restartPolicy: Always`) keep running.
    Source: https://kubernetes.io/docs/concepts/workloads/pods/init-containers/#resource-sharing-within-containers
    """
    stay = sum((_request(container, resource) for container in at(workload.pod, "containers") or []), _NOTHING)
    largest = beside = _NOTHING
    for container in at(workload.pod, "initContainers") or []:
        if at(container, "restartPolicy") == "Always":
            beside += _request(container, resource)
        else:
            largest = max(largest, beside + _request(container, resource))
    return max(stay + beside, largest)


def _request(container: object, resource: str) -> Decimal:
    # Without a request the limit is the request.
    request = at(container, "resources", "requests", resource)
    return _amount(request if request is not None else at(container, "resources", "limits", resource))


def _storage(claim: object) -> Decimal:
    return _amount(at(claim, "spec", "resources", "requests", "storage"))


def _amount(text: object) -> Decimal:
    try:
        return quantity(str(text)) if text is not None else _NOTHING
    except ValueError:
        # The API server refuses it, and the preview says so.
        return _NOTHING
