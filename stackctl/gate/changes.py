"""The resources of a preview, one entry each, with the operation on it."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from pulumi_values.urns import name_of, type_of

from .model import Preview, PreviewError, Step, at


class Operation(StrEnum):
    """An operation on a resource, in the words of the comment."""

    CREATE = "create"
    IMPORT = "import"
    UPDATE = "update"
    REPLACE = "replace"
    DELETE = "delete"
    SAME = "same"


# Source: pkg/resource/deploy/step.go. All steps of a replacement count as the replacement.
_OPERATIONS = {
    "create": Operation.CREATE,
    "import": Operation.IMPORT,
    "update": Operation.UPDATE,
    "delete": Operation.DELETE,
    "same": Operation.SAME,
    "read": Operation.SAME,
    "refresh": Operation.SAME,
    "discard": Operation.SAME,
    "remove-pending-replace": Operation.SAME,
    "replace": Operation.REPLACE,
    "create-replacement": Operation.REPLACE,
    "delete-replaced": Operation.REPLACE,
    "read-replacement": Operation.REPLACE,
    "import-replacement": Operation.REPLACE,
    "discard-replaced": Operation.REPLACE,
}

_ON_EXISTING = frozenset({"update", "delete", "same", "replace", "delete-replaced"})
"""Operations whose resource always exists already."""

STACK_TYPE = "pulumi:pulumi:Stack"
PROVIDER_PREFIX = "pulumi:providers:"


@dataclass(frozen=True, kw_only=True)
class Change:
    """A resource, before and after."""

    operation: Operation
    type: str
    """``kubernetes:apps/v1:Deployment``."""

    name: str
    """Logical name, which the program sets."""

    component: str
    """Logical name of the component that it is part of; ``stack`` for a resource outside of all components."""

    before: Mapping[str, Any]
    """Inputs before the update; empty for a new resource."""

    after: Mapping[str, Any]
    """Inputs after the update; empty for a deleted resource."""

    protected_before: bool
    protected_after: bool
    retained: bool
    """Whether the object outlives the resource."""

    replaced_by: tuple[str, ...]
    """Paths of the properties that force the replacement."""

    paths: tuple[str, ...]
    """Paths of the properties that change, as the provider reports them."""

    secret_properties: frozenset[str]
    """Top-level properties that are always secret."""

    @property
    def kind(self) -> str:
        """``Deployment``; ``Provider`` for every provider."""
        return "Provider" if self.type.startswith(PROVIDER_PREFIX) else self.type.rpartition(":")[2]

    @property
    def label(self) -> str:
        """``Deployment/redis``, as in `kubectl`."""
        return f"{self.kind}/{self.name}"

    @property
    def is_kubernetes(self) -> bool:
        return self.type.startswith("kubernetes:")

    @property
    def destroys(self) -> bool:
        """Whether the existing object is deleted."""
        return self.operation in (Operation.REPLACE, Operation.DELETE)

    @property
    def changes(self) -> bool:
        return self.operation is not Operation.SAME

    @property
    def object_name(self) -> str:
        """``metadata.name``, where it is known, else the logical name."""
        return str(at(self.after or self.before, "metadata", "name") or self.name)

    @property
    def namespace(self) -> str:
        """``metadata.namespace``; empty where it is not set."""
        return str(at(self.after or self.before, "metadata", "namespace") or "")


def changes(preview: Preview) -> tuple[Change, ...]:
    """The resources that a provider manages, and the providers, in the order of the preview.

    Raises:
        PreviewError: an operation is unknown, or a step has no state. The effect of such a step cannot be judged.
    """
    by_urn: dict[str, Change] = {}
    for step in preview.steps:
        if step.op not in _OPERATIONS:
            raise PreviewError(f"the operation {step.op!r} of {name_of(step.urn)} is not known here")
        state = step.new_state or step.old_state
        # The engine leaves out a state that it cannot serialize (pkg/backend/display/json.go).
        if state is None or (step.op in _ON_EXISTING and step.old_state is None):
            raise PreviewError(f"the step {step.op!r} of {name_of(step.urn)} has no state")
        if not state.custom or type_of(step.urn) == STACK_TYPE:
            continue
        change = _change(step, parent=state.parent)
        earlier = by_urn.get(step.urn)
        by_urn[step.urn] = change if earlier is None else _merged(earlier, change)
    return tuple(by_urn.values())


def _change(step: Step, parent: str) -> Change:
    old, new, operation = step.old_state, step.new_state, _OPERATIONS[step.op]
    secret = {*(old.additional_secret_outputs if old else ()), *(new.additional_secret_outputs if new else ())}
    if type_of(step.urn).startswith("kubernetes:") and type_of(step.urn).endswith(":Secret"):
        secret |= {"data", "stringData"}
    return Change(
        operation=operation,
        type=type_of(step.urn),
        name=name_of(step.urn),
        component=name_of(parent) if parent and type_of(parent) != STACK_TYPE else "stack",
        before=old.inputs if old else {},
        after=new.inputs if new and operation is not Operation.DELETE else {},
        protected_before=bool(old and old.protect),
        protected_after=bool(new and new.protect),
        retained=bool(old and old.retain_on_delete),
        replaced_by=tuple(step.replace_reasons),
        paths=tuple(dict.fromkeys([*step.detailed_diff, *step.diff_reasons])),
        secret_properties=frozenset(secret),
    )


def _merged(earlier: Change, later: Change) -> Change:
    """Two steps of one resource: the separate steps of a replacement, or a deletion and a creation."""
    first = earlier if earlier.before else later
    last = later if later.after else earlier
    # A refresh is a step of its own and changes nothing.
    operations = {earlier.operation, later.operation} - {Operation.SAME} or {Operation.SAME}
    replaced = operations & {Operation.REPLACE, Operation.DELETE}
    [operation] = operations if len(operations) == 1 else [Operation.REPLACE if replaced else last.operation]
    return Change(
        **{
            **vars(last),
            "operation": operation,
            "before": first.before,
            "after": last.after,
            "protected_before": earlier.protected_before or later.protected_before,
            "retained": earlier.retained or later.retained,
            "replaced_by": tuple(dict.fromkeys([*earlier.replaced_by, *later.replaced_by])),
        }
    )
