"""Changes of a Kubernetes object: the old manifest, the live object and the new manifest compared.

Pure functions over plain values; UNKNOWN stands for what a preview cannot know. The shape of the result (paths, kinds)
is that of the official provider, which diffs a JSON merge patch.
"""

import base64
import binascii
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from pulumi_values import property_paths

from .immutable_fields import Path, touches
from .property_values import Unknown, has_unknown

Manifest = dict[str, Any]

# Set by the API server, never by a manifest.
_READ_ONLY_METADATA = [
    "creationTimestamp",
    "deletionGracePeriodSeconds",
    "deletionTimestamp",
    "generation",
    "managedFields",
    "resourceVersion",
    "uid",
]
# Maps and fields of quantities, which the API server rewrites: 1024Mi becomes 1Gi.
_QUANTITIES = frozenset(
    [
        "averageValue",
        "capacity",
        "default",
        "defaultRequest",
        "divisor",
        "hard",
        "limits",
        "max",
        "maxLimitRequestRatio",
        "min",
        "requests",
        "sizeLimit",
        "storage",
        "value",
    ]
)


@dataclass(frozen=True)
class Change:
    """One entry of Pulumi's detailed diff."""

    path: Path
    kind: Literal["ADD", "UPDATE", "DELETE"]
    value: Any
    """The new value; None for a deletion and for a value that is not known yet."""

    @property
    def is_deletion(self) -> bool:
        return self.kind == "DELETE"

    @property
    def property_path(self) -> str:
        """The path in Pulumi's notation: `spec.ports[0].port`, `data["redis.conf"]`."""
        return property_paths.render(self.path)

    def replaces(self, immutable: tuple[str, ...]) -> bool:
        return any(touches(self.path, self.value, field) for field in immutable)


def normalized(manifest: Manifest) -> Manifest:
    """`manifest` in the one form in which equal manifests are equal: no nulls, no read-only metadata.

    The `stringData` of a Secret becomes base64 in `data`, where the API server keeps it, unless something is unknown.
    """
    clean: Manifest = _without_nulls(manifest)
    metadata = clean.get("metadata")
    if isinstance(metadata, dict):
        for key in _READ_ONLY_METADATA:
            metadata.pop(key, None)
    if (clean.get("apiVersion"), clean.get("kind")) == ("v1", "Secret") and not has_unknown(clean):
        plain = clean.pop("stringData", None) or {}
        data = {key: _canonical_base64(value) for key, value in (clean.get("data") or {}).items()}
        data |= {key: base64.b64encode(value.encode()).decode() for key, value in plain.items()}
        if data or "data" in clean:
            clean["data"] = data
    return clean


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_nulls(item) for key, item in value.items() if item is not None}
    return [_without_nulls(item) for item in value] if isinstance(value, list) else value


def _canonical_base64(value: Any) -> Any:
    try:
        return base64.b64encode(base64.b64decode(value)).decode()
    except (binascii.Error, TypeError, ValueError):
        return value  # the API server's own words are better than ours


def as_live(manifest: Any, live: Any, *, quantity: bool = False) -> Any:
    """`manifest` with the values that the live object has now: what is gone is left out, nothing is added.

    Where both mean the same (`1024Mi` and `1Gi`, an empty map and none), the manifest's own spelling stays.
    """
    if isinstance(manifest, dict) and isinstance(live, dict):
        return {
            key: as_live(value, live[key], quantity=key in _QUANTITIES or quantity) if key in live else value
            for key, value in manifest.items()
            if key in live or value in ({}, [], "", 0, False)
        }
    if isinstance(manifest, list) and isinstance(live, list):
        return [as_live(mine, theirs, quantity=quantity) for mine, theirs in zip(manifest, live, strict=False)]
    return manifest if manifest == live or (quantity and _same_quantity(manifest, live)) else live


def _same_quantity(one: Any, other: Any) -> bool:
    from kubernetes.utils.quantity import parse_quantity

    try:
        return bool(parse_quantity(one) == parse_quantity(other))
    except (ValueError, ArithmeticError):
        return False


def changes(old: Manifest, new: Manifest) -> list[Change]:
    """Every difference, outermost first where a whole part appears or goes."""
    return list(_changes((), old, new))


def _changes(path: Path, old: Any, new: Any) -> Iterator[Change]:
    if isinstance(new, Unknown) and isinstance(old, dict):
        # The official provider cannot tell an unknown map from an emptied one. Hence the replacement of a Deployment
        # when something that its `spec` refers to is deleted first.
        yield from (Change((*path, key), "DELETE", None) for key in old)
    elif isinstance(new, Unknown):
        yield Change(path, "UPDATE", None)
    elif isinstance(old, dict) and isinstance(new, dict):
        for key, value in new.items():
            if key in old:
                yield from _changes((*path, key), old[key], value)
            else:
                yield Change((*path, key), "ADD", None if isinstance(value, Unknown) else value)
        yield from (Change((*path, key), "DELETE", None) for key in old if key not in new)
    elif isinstance(old, list) and isinstance(new, list):
        for index, (before, after) in enumerate(zip(old, new, strict=False)):
            yield from _changes((*path, index), before, after)
        yield from (Change((*path, index), "ADD", new[index]) for index in range(len(old), len(new)))
        yield from (Change((*path, index), "DELETE", None) for index in range(len(new), len(old)))
    elif old != new:
        yield Change(path, "UPDATE", new)
