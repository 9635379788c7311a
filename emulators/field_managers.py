"""Ownership of fields under server-side apply.

The provider creates objects as `pulumi-kubernetes` and applies under a name of its own per resource. Before the first
apply it adopts the fields that it created and that kubectl changed, as the official provider does
(await.fixCSAFieldManagers). Otherwise every field would have two owners and could not be removed.
"""

from typing import Any

CREATOR = "pulumi-kubernetes"
_TAKEN_OVER = ("kubectl", "before-first-apply", "pulumi-kubernetes", "pulumi-resource-kubernetes")


def takeover(live: dict[str, Any], manager: str) -> list[dict[str, Any]]:
    """JSON patch that gives `manager` the fields of kubectl and of the creation; empty without such fields.

    A field that was changed through a subresource (`kubectl scale`) keeps its owner and conflicts.
    """
    entries = live["metadata"].get("managedFields", [])
    taken = [
        entry
        for entry in entries
        if entry["manager"].startswith(_TAKEN_OVER)
        and entry["manager"] != manager
        and not entry.get("subresource")
        and (entry["operation"] == "Update" or entry["manager"].startswith("kubectl"))
    ]
    if not taken:
        return []
    own = [entry for entry in entries if (entry["manager"], entry["operation"]) == (manager, "Apply")]
    fields: dict[str, Any] = {}
    for entry in own + taken:
        fields = _union(fields, entry.get("fieldsV1", {}))
    merged = {**(own or taken)[-1], "manager": manager, "operation": "Apply", "fieldsV1": fields}
    rest = [entry for entry in entries if entry not in own and entry not in taken]
    return [
        {"op": "replace", "path": "/metadata/managedFields", "value": [*rest, merged]},
        # A write in between must not be undone: the API server refuses the patch if the version is an old one.
        {"op": "replace", "path": "/metadata/resourceVersion", "value": live["metadata"]["resourceVersion"]},
    ]


def created_here(live: dict[str, Any]) -> bool:
    """Whether the fields still belong to the creation. A dry run has to force then: it cannot change the owner."""
    return any(
        entry["manager"] in (CREATOR, "pulumi-resource-kubernetes") and entry["operation"] == "Update"
        for entry in live["metadata"].get("managedFields", [])
    )


def _union(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    return {**one, **{key: _union(one.get(key, {}), fields) for key, fields in other.items()}}


def without_ignored(manifest: dict[str, Any], live: dict[str, Any], manager: str, paths: list[str]) -> dict[str, Any]:
    """`manifest` for an apply that leaves `ignoreChanges` alone: a field of another manager is left out, one of our own
    keeps its live value. Paths with list indices are not looked into, as in the official provider."""
    for path in paths:
        keys = path.split(".")
        owners = {
            entry["manager"]
            for entry in live["metadata"].get("managedFields", [])
            if _owns(entry.get("fieldsV1", {}), keys)
        }
        present, value = _at(live, keys)
        if owners and manager not in owners:
            manifest = _with(manifest, keys, None)
        elif present:
            manifest = _with(manifest, keys, value)
    return manifest


def _owns(fields: dict[str, Any], keys: list[str]) -> bool:
    for key in keys:
        if f"f:{key}" not in fields:
            return False
        fields = fields[f"f:{key}"]
    return True


def _at(value: Any, keys: list[str]) -> tuple[bool, Any]:
    for key in keys:
        if not isinstance(value, dict) or key not in value:
            return False, None
        value = value[key]
    return True, value


def _with(manifest: dict[str, Any], keys: list[str], value: Any) -> dict[str, Any]:
    """A copy with the value at `keys`; without that key if it is None."""
    key, *inner = keys
    if inner:
        return {**manifest, key: _with(manifest.get(key, {}), inner, value)}
    return {name: item for name, item in {**manifest, key: value}.items() if item is not None}
