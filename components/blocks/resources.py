"""CPU, memory and ephemeral storage of a container, as settings and as Kubernetes wants them."""

from collections.abc import Iterator
from typing import TypedDict

from pydantic import Field

from .base_settings import Problem, Settings
from .quantities import Bytes, Cores, quantity


class Amounts(Settings):
    """One side of a container's resources. What is left out is not set."""

    cpu: Cores | None = Field(None, description="CPU in cores, for example 500m or 2.")
    memory: Bytes | None = Field(None, description="Memory in bytes, for example 512Mi.")
    ephemeral_storage: Bytes | None = Field(
        None, description="Logs and scratch files on the node's disk, for example 1Gi."
    )

    def as_kubernetes(self) -> dict[str, str]:
        """The amounts that are set, under the names of Kubernetes resources."""
        amounts = {"cpu": self.cpu, "memory": self.memory, "ephemeral-storage": self.ephemeral_storage}
        return {name: amount for name, amount in amounts.items() if amount is not None}


class ContainerResources(TypedDict):
    """`resources` of a container."""

    requests: dict[str, str]
    limits: dict[str, str]


class Resources(Settings):
    """Requests and limits of a container."""

    requests: Amounts = Field(Amounts(), description="What the scheduler reserves.")
    limits: Amounts = Field(Amounts(), description="What the container cannot exceed.")

    def problems(self) -> Iterator[Problem]:
        for name in ("cpu", "memory", "ephemeral_storage"):
            request: str | None = getattr(self.requests, name)
            limit: str | None = getattr(self.limits, name)
            key = "ephemeralStorage" if name == "ephemeral_storage" else name
            if request and limit and quantity(request) > quantity(limit):
                yield Problem(
                    keys=(f"requests.{key}", f"limits.{key}"),
                    message=f"requests.{key} {request} is above limits.{key} {limit}; Kubernetes refuses such a pod",
                    allowed=f"at most limits.{key} ({limit}), or raise that limit",
                    example=limit,
                )

    def as_kubernetes(self) -> ContainerResources:
        """`resources` of a container."""
        return {"requests": self.requests.as_kubernetes(), "limits": self.limits.as_kubernetes()}
