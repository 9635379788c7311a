"""Which objects differ from the last update: manual changes, deleted objects."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

from pulumi.automation import EngineEvent, OpType
from pulumi.automation.events import StepEventMetadata

from components.blocks.secret_names import holds_secret
from pulumi_values.property_paths import Step, parse
from pulumi_values.special import SECRET, contains_secret, is_secret
from pulumi_values.urns import resource_name
from terminal.errors import ExitCode, LocalError

from ..redaction import redact

ABSENT = "(not there)"
_LONGEST = 60


class DriftError(LocalError):
    """The cluster differs from the state. Nothing has failed."""

    exit_code = ExitCode.DRIFT


@dataclass(frozen=True, kw_only=True)
class Property:
    """One property that differs."""

    path: str
    """Path in the object, as Pulumi writes it: ``spec.ports[0].port``."""

    state: str
    """Value that the last update left."""

    cluster: str
    """Value that the cluster has."""


@dataclass(frozen=True, kw_only=True)
class Drift:
    """One object that differs."""

    resource: str
    """Kind and logical name: ``Deployment redis``."""

    deleted: bool
    """Whether it is gone from the cluster."""

    properties: tuple[Property, ...] = ()
    """Properties that differ, if the object exists."""


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """A complete comparison of the cluster with the state of a stack."""

    drifts: tuple[Drift, ...]
    """Objects that differ."""

    ended: int
    """When it ended, in seconds since 1970."""


def drift_of(event: EngineEvent) -> Drift | None:
    """The drift that an event of a refresh reports; None for an object that does not differ, and for other events."""
    if not event.res_outputs_event:
        return None
    metadata = event.res_outputs_event.metadata
    if metadata.op is OpType.DELETE:
        return Drift(resource=resource_name(metadata.urn), deleted=True)
    if metadata.op is OpType.UPDATE:
        return Drift(resource=resource_name(metadata.urn), deleted=False, properties=tuple(_properties(metadata)))
    return None


def in_order(drifts: Iterable[Drift]) -> tuple[Drift, ...]:
    """The drifts by resource."""
    return tuple(sorted(drifts, key=lambda one: one.resource))


def lines(drift: Drift) -> Iterator[str]:
    """The report on one object."""
    yield f"{'deleted' if drift.deleted else 'changed':<8} {drift.resource}"
    for part in drift.properties:
        yield f"           {part.path}"
        yield f"             state    {part.state}"
        yield f"             cluster  {part.cluster}"


def _properties(metadata: StepEventMetadata) -> Iterator[Property]:
    before = metadata.old.inputs if metadata.old else {}
    after = metadata.new.inputs if metadata.new else {}
    for path in sorted(metadata.detailed_diff or {}):
        hides = ":Secret" in metadata.type and path.startswith(("data", "stringData"))
        state, cluster = (SECRET if hides else value_at(inputs, path) for inputs in (before, after))
        # Beside a secret value, the other side is its predecessor or successor.
        shown = (SECRET, SECRET) if SECRET in (state, cluster) else _shortened(redact(state), redact(cluster))
        yield Property(path=path, state=shown[0], cluster=shown[1])


def value_at(inputs: Mapping[str, Any] | None, path: str) -> str:
    """The value of a property as text. A secret, and what is inside one, is never shown.

    Args:
        inputs: an object's inputs as the engine reports them.
        path: path as Pulumi writes it.
    """
    level: Any = inputs or {}
    for step in _steps(path):
        if is_secret(level):
            return SECRET
        # A literal value that was added to the object manually.
        variable = level if step == "value" and isinstance(level, dict) else {}
        if holds_secret(str(variable.get("name")), str(variable.get("value"))):
            return SECRET
        try:
            level = level[step]
        except (KeyError, IndexError, TypeError):
            return ABSENT
    return _text(level)


def _steps(path: str) -> list[Step]:
    try:
        return parse(path)
    except ValueError:
        # Not a path in the object: a provider may report its own text.
        return [path]


def _text(value: Any) -> str:
    if contains_secret(value):
        return SECRET
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True)


def _shortened(state: str, cluster: str) -> tuple[str, str]:
    """Both values, beginning with the first line that differs: a whole configuration file would hide the rest of the
    report."""
    pairs = zip_longest(state.splitlines(), cluster.splitlines(), fillvalue="")
    number, lines = next(
        ((n, pair) for n, pair in enumerate(pairs, start=1) if pair[0] != pair[1]), (1, (state, cluster))
    )
    where = f"line {number}: " if "\n" in state + cluster else ""
    first, second = (f"{line[:_LONGEST]} …" if len(line) > _LONGEST else line for line in lines)
    return f"{where}{first}", f"{where}{second}"
