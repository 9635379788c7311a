"""The stack's namespace as the cluster has it, before anything is registered."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pulumi

from components.blocks.finding import Finding, fix_command

from .cluster_access import ClusterAccess
from .cluster_questions import FORBIDDEN, Ask, NotAskedError, NotFoundError, Question

ENFORCE = "pod-security.kubernetes.io/enforce"


@dataclass(frozen=True, kw_only=True)
class StackNamespace:
    """The namespace of the stack, and the cluster that has it or will have it."""

    name: str
    access: ClusterAccess
    ask: Ask
    created_by_stack: bool = True

    def read(self) -> dict[str, Any] | None:
        """The object; None where it does not exist. Raises NotAskedError."""
        try:
            return self.ask(f"/api/v1/namespaces/{self.name}")
        except NotFoundError:
            return None

    @property
    def is_missing(self) -> bool:
        """Whether it does not exist: nor do the objects in it. Raises NotAskedError."""
        try:
            return self.read() is None
        except NotAskedError as error:
            # A user with rights in one namespace alone may still see what is in it.
            if FORBIDDEN in str(error):
                return False
            raise

    @property
    def where(self) -> str:
        """The namespace in a message."""
        return f"namespace {self.name} of {self.access.name}"


def namespace_question(namespace: StackNamespace) -> Question:
    """Whether a namespace exists that the stack does not create. Warns if it admits pods that are not restricted."""
    return Question(
        about=f"whether the namespace {namespace.name} exists", findings=lambda: namespace_findings(namespace)
    )


def namespace_findings(namespace: StackNamespace) -> Iterator[Finding]:
    """The finding about a namespace that does not exist; nothing if it does."""
    existing = namespace.read()
    if existing is None:
        yield _missing(namespace)
    elif warning := level_warning(existing):
        pulumi.log.warn(warning)


def level_warning(namespace: dict[str, Any]) -> str | None:
    """A warning about the Pod Security level that the namespace enforces; None for `restricted`."""
    metadata = namespace["metadata"]
    level = (metadata.get("labels") or {}).get(ENFORCE)
    if level == "restricted":
        return None
    enforced = f"enforces Pod Security {level}" if level else "enforces no Pod Security level"
    return (
        f"the namespace {metadata['name']} {enforced}. The stack's pods are restricted in any case; others in it may "
        f"not be: kubectl label namespace {metadata['name']} {ENFORCE}=restricted"
    )


def _missing(namespace: StackNamespace) -> Finding:
    access = namespace.access
    return Finding(
        key="namespace",
        value=namespace.name,
        message=f"{access.name} has no namespace {namespace.name}, and createNamespace is false",
        allowed="a namespace that exists, or createNamespace: true",
        commands=(
            f"kubectl {access.flags} create namespace {namespace.name}".replace("  ", " "),
            fix_command("createNamespace", "true"),
        ),
    )
