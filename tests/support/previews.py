"""Previews of the stack that the unit tests read (`tests/unit/previews`), and how the engine tests make them.

`WRITE_PREVIEWS=1 make test-engine` writes them again, and `python -m tests.support.previews` the comments on them.
"""

import json
import os
import re
from pathlib import Path
from typing import Any

from stackctl.gate.markdown import comment
from stackctl.gate.model import parse
from stackctl.gate.report import report

DIRECTORY = Path(__file__).parents[1] / "unit" / "previews"

CHANGES: dict[str, tuple[str, ...]] = {
    "no-change": (),
    "log-level": ("openWebui.logLevel=WARNING",),
    "redis-memory": ("redis.maxmemory=1gb",),
    "rotate-redis": ("rotate.redis=2",),
    "one-replica": ("openWebui.replicas=1",),
    "uploads-volume": ("openWebui.uploads.kind=volume",),
    "open-webui-version": ("openWebui.version=0.13.0",),
    "open-webui-rolls": ("openWebui.version=0.12.3",),
    "storage-class": ("postgresql.storage.className=fast",),
    "namespace": ("namespace=rag-elsewhere",),
}
"""Previews of one change each, from the base stack of the engine tests."""

EARLIER = ("postgresql-major",)
"""Of a stack that has no record of what its data was made with. With one the preview fails."""

REDIS_VOLUME: dict[str, tuple[str, ...]] = {
    "redis-volume-memory": ("redis.maxmemory=256mb",),
    "redis-volume-engine": ("redis.engine=valkey",),
}
"""Previews of a stack whose Redis has a volume. The second one is of a stack without a record of the engine."""

NEW = "new-prod"
"""Preview of `prod` with nothing deployed."""

OFFICIAL = (
    "official-03-rotate",
    "official-05-storage",
    "official-08-policy-removed",
    "official-10-secrets-immutable-and-rotate",
    "official-11-config-changed",
    "official-14-bad-label",
    "official-25-prod-protect-then-namespace",
)
"""Previews by the official providers (random 4.21, kubernetes 4.32) of `tests/engine/recordings/program.py`."""

OFFICIAL_STACK = tuple(
    f"official-stack-{change}"
    for change in (
        "log-level",
        "rotate-open-webui",
        "rotate-postgresql",
        "rotate-redis",
        "storage-class-protected",
        "storage-size",
        "version",
    )
)
"""Previews of the stack itself (`dev`) by the official providers (random 4.21, kubernetes 4.32), one change each.

Some leave out what stays the same. `storage-class-protected` fails: the volume is protected.
"""

COMMENTED = (*CHANGES, *EARLIER, *REDIS_VOLUME, NEW, *OFFICIAL, *OFFICIAL_STACK)
"""Previews with a comment beside them."""

# What the report reads of a resource that stays the same.
_SUMMED = ("Deployment", "StatefulSet", "PersistentVolumeClaim", "PodDisruptionBudget", "HorizontalPodAutoscaler")
_STATE = ("custom", "inputs", "parent", "protect", "retainOnDelete", "additionalSecretOutputs")
_STEP = ("op", "urn", "replaceReasons", "diffReasons", "detailedDiff")
_CHECKSUM = re.compile(r"\b[0-9a-f]{64}\b")


def slim(text: str, context: str) -> str:
    """A preview without values that differ from run to run, and without members that no reader uses.

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
    listed = ",\n".join(json.dumps(step, sort_keys=True, separators=(",", ":")) for step in steps)
    rest = {"changeSummary": preview["changeSummary"], "diagnostics": errors}
    # A step a line: a change of the stack is a change of few lines.
    whole = f'{{"steps":[\n{listed}\n],\n{json.dumps(rest, sort_keys=True)[1:]}\n'
    return _numbered_checksums(whole.replace(context, "context"))


def _slim_step(step: dict[str, Any]) -> dict[str, Any]:
    kept = {key: step[key] for key in _STEP if step.get(key)}
    for side in ("oldState", "newState"):
        if state := step.get(side):
            kept[side] = {key: state[key] for key in _STATE if state.get(key)}
            if step["op"] == "same" and step["urn"].split("::")[-2].rpartition(":")[2] not in _SUMMED:
                kept[side].pop("inputs", None)
            # A path of the machine.
            kept[side].get("inputs", {}).pop("kubeconfig", None)
    return kept


def _numbered_checksums(text: str) -> str:
    """Those of generated secrets are others each time; which of them are the same, is not."""
    numbers: dict[str, str] = {}
    return _CHECKSUM.sub(lambda actual: numbers.setdefault(actual[0], f"{len(numbers):08x}".ljust(64, "0")), text)


def assert_recorded(name: str, made: str) -> None:
    """Compare a preview with the recorded one, or record it.

    Args:
        name: of the recording.
        made: the preview, as `slim` returns it.
    """
    file = DIRECTORY / f"{name}.json"
    if os.environ.get("WRITE_PREVIEWS"):
        file.write_text(made)
    assert _gist(made) == _gist(file.read_text())


def _gist(text: str) -> dict[str, object]:
    """What a preview is about; amounts, versions and scripts of the stack may have changed since it was recorded."""
    # The ConfigMap with the startup scripts is named after their contents.
    text = re.sub(r"open-webui-startup-[0-9a-f]{10}", "open-webui-startup", text)
    seen = report("any", parse(text), production=True)
    return {
        "changed": {(change.operation.value, change.component, change.label) for change in seen.changed},
        "rollouts": {(rollout.workload, rollout.how, rollout.interruption) for rollout in seen.rollouts},
        "findings": {(finding.resource, finding.label) for finding in seen.findings},
        "versions": {version.product for version in seen.versions},
        "whole": seen.whole_stack,
    }


def write_comments() -> None:
    """Write the comments that the unit tests expect. Read the difference before it is committed."""
    for name in COMMENTED:
        (DIRECTORY / f"{name}.md").write_text(comment_on(name))


def comment_on(name: str) -> str:
    """The comment on one preview; ``new-prod`` and ``prod-...`` are of production."""
    environment = "prod" if "prod" in name else "dev"
    preview = parse((DIRECTORY / f"{name}.json").read_text())
    return comment([report(environment, preview, production=environment == "prod")])


if __name__ == "__main__":
    write_comments()
