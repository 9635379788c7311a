"""Which objects differ from the last update: manual changes, deleted objects."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

from pulumi.automation import EngineEvent, OpType
from pulumi.automation.events import StepEventMetadata

from policy.rules.secret_shapes import has_secret_name
from terminal.errors import ExitCode, LocalError

from ..engine.progress import resource_name
from ..gate.redaction import redact

HIDDEN = "[secret]"
ABSENT = "(not there)"
_LONGEST = 60
# Every secret in a state is an object with this key: sdk/go/common/resource/sig of pulumi.
_SECRET_KEY = "4dabf18193072939515e22adb298388d"
_STEP = re.compile(r"""\.?(?P<name>[^.\[\]"]+)|\[(?P<index>\d+)\]|\["(?P<quoted>(?:[^"\\]|\\.)*)"\]""")


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
    """What differs, when it is there."""


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
        state, cluster = (HIDDEN if hides else value_at(inputs, path) for inputs in (before, after))
        # Beside a secret value, the other side is its predecessor or successor.
        shown = (HIDDEN, HIDDEN) if HIDDEN in (state, cluster) else _shortened(redact(state), redact(cluster))
        yield Property(path=path, state=shown[0], cluster=shown[1])


def value_at(inputs: Mapping[str, Any] | None, path: str) -> str:
    """The value of a property as text. A secret, and what is inside one, is never shown.

    Args:
        inputs: an object's inputs as the engine reports them.
        path: path as Pulumi writes it.
    """
    level: Any = inputs or {}
    for match in _STEP.finditer(path):
        if _is_secret(level):
            return HIDDEN
        # A literal value that was added to the object manually.
        if match["name"] == "value" and isinstance(level, dict) and has_secret_name(str(level.get("name"))):
            return HIDDEN
        step = int(match["index"]) if match["index"] else match["name"] or match["quoted"].replace('\\"', '"')
        try:
            level = level[step]
        except (KeyError, IndexError, TypeError):
            return ABSENT
    return _text(level)


def _text(value: Any) -> str:
    if _holds_secret(value):
        return HIDDEN
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True)


def _shortened(state: str, cluster: str) -> tuple[str, str]:
    """Both values from the first line that differs: a whole configuration file would hide the rest of the report."""
    pairs = zip_longest(state.splitlines(), cluster.splitlines(), fillvalue="")
    number, lines = next(
        ((n, pair) for n, pair in enumerate(pairs, start=1) if pair[0] != pair[1]), (1, (state, cluster))
    )
    where = f"line {number}: " if "\n" in state + cluster else ""
    first, second = (f"{line[:_LONGEST]} …" if len(line) > _LONGEST else line for line in lines)
    return f"{where}{first}", f"{where}{second}"


def _is_secret(value: Any) -> bool:
    return value == HIDDEN or (isinstance(value, dict) and _SECRET_KEY in value)


def _holds_secret(value: Any) -> bool:
    if isinstance(value, dict):
        return _is_secret(value) or any(_holds_secret(part) for part in value.values())
    return any(_holds_secret(part) for part in value) if isinstance(value, list) else _is_secret(value)
