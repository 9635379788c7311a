"""Components beside each other in one program: what they would register twice."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from stack_config.settings import StackSettings

from .names import STACK
from .values import Value

DEFAULT_NAMESPACE: str = StackSettings.model_fields["namespace"].default


@dataclass(frozen=True, kw_only=True)
class Placed:
    """A component of a program, and where its objects are."""

    token: str
    name: str
    namespace: str
    creates_namespace: bool
    backs_up: bool

    @property
    def type_name(self) -> str:
        """Its class in an SDK."""
        return self.token.rpartition(":")[2]


def placed(token: str, name: str, arguments: Mapping[str, Value]) -> Placed:
    """A component by its arguments, which may be invalid.

    Args:
        token: its type.
        name: its name.
        arguments: by their names in the schema.
    """
    namespace = arguments.get("namespace", Value(content=None)).content
    created = arguments.get("createNamespace", Value(content=None)).content
    backup = arguments.get("backup", Value(content=None)).content
    enabled = backup.get("enabled", Value(content=None)).content if isinstance(backup, Mapping) else None
    return Placed(
        token=token,
        name=name,
        namespace=namespace if isinstance(namespace, str) else DEFAULT_NAMESPACE,
        creates_namespace=created is not False,
        backs_up=enabled is True,
    )


def refusal(new: Placed, others: Iterable[Placed]) -> str:
    """Why a component cannot be beside the others of its program; empty if it can."""
    for other in others:
        if other.token == new.token:
            return (
                f"{new.name} is a second component beside {other.name}: a Pulumi stack has one {new.type_name}, "
                "because the names of its resources are fixed. Use another Pulumi stack."
            )
        if other.namespace != new.namespace:
            continue
        where = f"{new.name} and {other.name} are both in the namespace {new.namespace}"
        if STACK in (new.token, other.token):
            return f"{where}: the objects of OpenWebUIStack have the same names. Use another namespace."
        if new.creates_namespace and other.creates_namespace:
            return f"{where}, and both would create it. Set createNamespace: false for all but one."
        if new.backs_up and other.backs_up:
            return f"{where}, and both have backups, whose objects have the same names. Set backup for one of them."
    return ""
