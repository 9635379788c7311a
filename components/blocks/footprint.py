"""What a component needs of the cluster at most: its pods, their containers, its volumes. The quota is the sum."""

from dataclasses import dataclass

from .resources import ContainerResources


@dataclass(frozen=True, kw_only=True)
class Pods:
    """Pods of one kind."""

    count: int
    """Most pods at the same time, the surge of a rolling update included."""

    containers: tuple[ContainerResources, ...]
    """Containers of each pod. Init containers that need no more than these do not count."""


@dataclass(frozen=True, kw_only=True)
class Footprint:
    """The most that a component needs with its settings."""

    pods: tuple[Pods, ...] = ()
    volumes: int = 0
    """PersistentVolumeClaims."""

    load_balancers: int = 0
    """Services of type LoadBalancer, with one port each."""
