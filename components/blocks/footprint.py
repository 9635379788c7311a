"""The maximum that a component needs in the cluster: its pods, their containers, its volumes. The quota is the sum."""

from dataclasses import dataclass

from .resources import ContainerResources


@dataclass(frozen=True, kw_only=True)
class Pods:
    """Pods of one kind."""

    count: int
    """Maximum number of pods at the same time, including the surge of a rolling update."""

    containers: tuple[ContainerResources, ...]
    """Containers of each pod. Init containers that need no more than these do not count."""


@dataclass(frozen=True, kw_only=True)
class Footprint:
    """The maximum that a component needs with its settings."""

    pods: tuple[Pods, ...] = ()
    volumes: int = 0
    """PersistentVolumeClaims."""

    load_balancers: int = 0
    """Services of type LoadBalancer, with one port each."""
