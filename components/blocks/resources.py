"""CPU, memory and ephemeral storage of a container, as settings and as Kubernetes resources."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypedDict

from pydantic import Field, GetCoreSchemaHandler, create_model
from pydantic_core import CoreSchema

from .base_settings import Problem, Settings
from .quantities import Bytes, Cores, quantity

_KINDS: Mapping[str, tuple[Any, str]] = {
    "cpu": (Cores, "CPU in cores."),
    "memory": (Bytes, "Memory in bytes."),
    "ephemeral_storage": (Bytes, "Logs on the node's disk."),
}
"""Field, its type and its usual description."""

_SIDES = {"requests": "What the scheduler reserves.", "limits": "What the container cannot exceed."}


class ContainerResources(TypedDict):
    """`resources` of a container."""

    requests: dict[str, str]
    limits: dict[str, str]


class Amounts(Settings):
    """One side of a container's resources. An amount that is None is not set."""

    cpu: str | None = None
    memory: str | None = None
    ephemeral_storage: str | None = None

    def as_kubernetes(self) -> dict[str, str]:
        """The amounts that are set, under the names of Kubernetes resources."""
        amounts = {"cpu": self.cpu, "memory": self.memory, "ephemeral-storage": self.ephemeral_storage}
        return {name: amount for name, amount in amounts.items() if amount is not None}


class Resources(Settings):
    """Requests and limits of a container. Their defaults come from the `Sizes` of the field."""

    requests: Amounts
    limits: Amounts

    def problems(self) -> Iterator[Problem]:
        for kind in _KINDS:
            request: str | None = getattr(self.requests, kind)
            limit: str | None = getattr(self.limits, kind)
            key = "ephemeralStorage" if kind == "ephemeral_storage" else kind
            if request and limit and quantity(request) > quantity(limit):
                yield Problem(
                    keys=(f"requests.{key}", f"limits.{key}"),
                    message=f"requests.{key} {request} is above limits.{key} {limit}; Kubernetes refuses such a pod",
                    allowed=f"at most limits.{key} ({limit}), or raise that limit",
                    fix=limit,
                )

    @property
    def memory_limit(self) -> str:
        """The memory limit, if `Sizes` gives it a default."""
        assert self.limits.memory
        return self.limits.memory

    def as_kubernetes(self) -> ContainerResources:
        """`resources` of a container."""
        return {"requests": self.requests.as_kubernetes(), "limits": self.limits.as_kubernetes()}


@dataclass(frozen=True, kw_only=True, eq=False)
class Sizes:
    """Defaults of a container's resources, each as request and limit, for a field of a component's settings::

        _SIZES = Sizes(name="Backup", cpu=("100m", "1"), memory=("256Mi", "512Mi"), ephemeral_storage=("64Mi", "256Mi"))

        class BackupSettings(ComponentSettings):
            resources: Annotated[Resources, _SIZES] = _SIZES.field()

    A user who sets one amount keeps the defaults of the others. Every amount is a separate config key, with its
    default and description in the docs and in the JSON Schema.
    """

    name: str
    """Prefix of the models, such as ``Backup``: they are definitions of the JSON Schema."""

    cpu: tuple[str, str]
    memory: tuple[str | None, str | None]
    """None: the default follows from other settings, and the component fills it in."""

    ephemeral_storage: tuple[str, str]
    about: Mapping[str, str] = field(default_factory=dict)
    """Descriptions other than the usual ones: for ``limits.memory``, or for ``ephemeral_storage`` of both sides."""

    @cached_property
    def model(self) -> type[Resources]:
        """`Resources` with these defaults."""
        sides = {side: self._amounts(side, index) for index, side in enumerate(_SIDES)}
        fields: dict[str, Any] = {
            side: (amounts, Field(amounts(), description=_SIDES[side])) for side, amounts in sides.items()
        }
        summary = "Requests and limits of a container."
        return create_model(f"{self.name}Resources", __base__=Resources, __doc__=summary, **fields)

    def field(self, description: str = "Requests and limits of the container.") -> Any:
        """The default of the field."""
        return Field(self.model(), description=description)

    def _amounts(self, side: str, index: int) -> type[Amounts]:
        fields: dict[str, Any] = {}
        for kind, (type_, usual) in _KINDS.items():
            default = getattr(self, kind)[index]
            description = self.about.get(f"{side}.{kind}") or self.about.get(kind) or usual
            fields[kind] = (type_ if default else type_ | None, Field(default, description=description))
        return create_model(f"{self.name}{side.title()}", __base__=Amounts, __doc__=_SIDES[side], **fields)

    def __get_pydantic_core_schema__(self, _source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        return handler.generate_schema(self.model)
