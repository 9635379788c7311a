"""Previews of the stack that the unit tests read (`tests/unit/previews`), and how the engine tests make them.

`WRITE_PREVIEWS=1 make test-engine` writes them anew; without it the engine tests fail where they differ.
"""

import json
import re
from pathlib import Path
from typing import Any

DIRECTORY = Path(__file__).parent / "unit" / "previews"

CHANGES: dict[str, tuple[str, ...]] = {
    "no-change": (),
    "log-level": ("openWebui.logLevel=WARNING",),
    "redis-memory": ("redis.maxmemory=1gb",),
    "rotate-redis": ("rotate.redis=2",),
    "more-replicas": ("openWebui.replicas=4",),
    "one-replica": ("openWebui.replicas=1",),
    "uploads-volume": ("openWebui.uploads.kind=volume",),
    "open-webui-version": ("openWebui.version=0.13.0",),
    "open-webui-downgrade": ("openWebui.version=0.11.0",),
    "postgresql-major": ("postgresql.image=pgvector/pgvector:pg18",),
    "storage-class": ("postgresql.storage.className=fast",),
    "namespace": ("namespace=rag-elsewhere",),
}
"""Previews of one change each, from the base stack of the engine tests."""

# What the report reads of a resource that stays the same.
_SUMMED = ("Deployment", "StatefulSet", "PersistentVolumeClaim", "PodDisruptionBudget", "HorizontalPodAutoscaler")
_STATE = ("custom", "inputs", "parent", "protect", "retainOnDelete", "additionalSecretOutputs")
_STEP = ("op", "urn", "replaceReasons", "diffReasons", "detailedDiff")
_CHECKSUM = re.compile(r"\b[0-9a-f]{64}\b")


def slim(text: str, context: str) -> str:
    """A preview without what differs from run to run, and without what nobody reads.

    Args:
        text: what `pulumi preview --json --show-sames` printed.
        context: name of the cluster's context in it.
    """
    preview = json.loads(text)
    steps = [_slim_step(step) for step in preview["steps"]]
    # The engine works on several resources at a time.
    steps.sort(key=lambda step: (step["urn"], step["op"]))
    errors = [
        {key: diagnostic[key] for key in ("message", "severity")}
        for diagnostic in preview.get("diagnostics") or []
        if diagnostic["severity"] == "error"
    ]
    slimmed = {
        "steps": steps,
        "diagnostics": sorted(errors, key=lambda each: str(each["message"])),
        "changeSummary": preview["changeSummary"],
    }
    return _numbered_checksums(json.dumps(slimmed, indent=1, sort_keys=True).replace(context, "context")) + "\n"


def _slim_step(step: dict[str, Any]) -> dict[str, Any]:
    kept = {key: step[key] for key in _STEP if step.get(key)}
    for side in ("oldState", "newState"):
        if state := step.get(side):
            kept[side] = {key: state[key] for key in _STATE if state.get(key)}
            if step["op"] == "same" and step["urn"].split("::")[-2].rpartition(":")[2] not in _SUMMED:
                kept[side].pop("inputs", None)
    return kept


def _numbered_checksums(text: str) -> str:
    """Those of generated secrets are others each time; which of them are the same, is not."""
    numbers: dict[str, str] = {}
    return _CHECKSUM.sub(lambda found: numbers.setdefault(found[0], f"{len(numbers):064x}"), text)
