"""What the official providers did (`previews.json`), and the same seen in a run of the engine.

Recorded with the random provider 4.21 and the kubernetes provider 4.32 on Kubernetes 1.36: for each setting, changed
alone from the base state of `program.py`, every step that is not `same`. Of a preview that failed only the steps that
it got to are known.
"""

import gc
import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pulumi.automation import EngineEvent, OpType

from tests.engine.recordings.program import Settings

Step = dict[str, Any]

# Parts of a replacement; the step `replace` says it all.
_PARTS = {OpType.CREATE_REPLACEMENT, OpType.DELETE_REPLACED, OpType.DISCARD_REPLACED, OpType.READ_REPLACEMENT}


@dataclass(frozen=True)
class Recorded:
    """One recorded preview."""

    settings: Settings
    steps: dict[str, Step]
    """By `type::name`: `op`, and where they are not empty `replaceReasons`, `diffReasons`, `detailedDiff`."""
    errors: list[str]


def load() -> dict[str, Recorded]:
    """Every recorded preview by its name."""
    recordings = json.loads((Path(__file__).parent / "previews.json").read_text())
    return {
        name: Recorded(Settings(**recording["settings"]), recording["steps"], recording.get("errors", []))
        for name, recording in recordings.items()
    }


@dataclass
class Run:
    """Steps and errors of one run of the engine, in the form of the recordings. Pass `observe` as `on_event`."""

    steps: dict[str, Step] = field(default_factory=dict)
    errors: list[str] = field(default_factory=list)
    messages: list[str] = field(default_factory=list)

    def broken_off(self) -> None:
        """To be called when the run has failed: it must have said why.

        The SDK leaves the coroutines of a program that the engine broke off to the garbage collector. They are
        collected here, since collected while Python compiles a module they make that fail (SystemError, Python 3.11).
        """
        gc.collect()
        assert self.errors, "the run failed without saying why"

    def observe(self, event: EngineEvent) -> None:
        diagnostic = event.diagnostic_event
        if diagnostic is not None:
            text = re.sub(r"<\{%.*?%\}>", "", diagnostic.message).strip()
            self.messages.append(text)
            if diagnostic.severity == "error" and diagnostic.urn:
                self.errors.append(re.sub(r"^(error: )?(Preview failed: )?", "", text))
        # What a refresh has found out is told only when it is done.
        planned = event.resource_pre_event or event.res_outputs_event
        step = planned and planned.metadata
        if step and step.op not in _PARTS and step.op is not OpType.SAME:
            name = "::".join(step.urn.split("::")[2:])
            if not name.startswith(("pulumi:pulumi:Stack", "pulumi:providers:random")):
                self.steps[name] = _step(step)


def _step(step: Any) -> Step:
    """A step as it is recorded. The engine adds the reasons of a replacement to steps that it decided itself."""
    details = {
        path: {"kind": diff.diff_kind.value, "inputDiff": diff.input_diff}
        for path, diff in (step.detailed_diff or {}).items()
    }
    seen = {
        "replaceReasons": sorted(step.keys or []),
        "diffReasons": sorted(step.diffs or []),
        "detailedDiff": details,
    }
    return {"op": step.op.value, **{key: value for key, value in seen.items() if value}}
