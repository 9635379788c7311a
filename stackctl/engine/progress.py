"""The progress of the engine: one line for each resource that changes."""

import re
from time import monotonic

from pulumi.automation import EngineEvent, OpType
from pulumi.automation.events import StepEventMetadata
from rich.console import Console
from rich.status import Status

from pulumi_values.urns import resource_name
from terminal.console import duration

_UNCHANGED = frozenset({OpType.SAME, OpType.READ, OpType.READ_REPLACEMENT, OpType.REFRESH})
# A replacement is shown by the steps it consists of.
_SUMMARY_ONLY = frozenset({OpType.REPLACE})
_DONE = {
    OpType.CREATE: "created",
    OpType.UPDATE: "updated",
    OpType.DELETE: "deleted",
    OpType.CREATE_REPLACEMENT: "created (replacement)",
    OpType.DELETE_REPLACED: "deleted (replaced)",
    OpType.IMPORT: "imported",
}
_PLANNED = {
    OpType.CREATE: "create",
    OpType.UPDATE: "update",
    OpType.DELETE: "delete",
    OpType.REPLACE: "replace",
    OpType.CREATE_REPLACEMENT: "create (replacement)",
    OpType.DELETE_REPLACED: "delete (replaced)",
    OpType.IMPORT: "import",
}
_COLOR_TAG = re.compile(r"<\{%.*?%\}>")
_LABEL_WIDTH = 22


class Progress:
    """Receives engine events; prints what changes and keeps the errors."""

    def __init__(self, console: Console, *, preview: bool) -> None:
        self.errors: list[str] = []
        """Messages of errors, in the order in which they came."""
        self.changes = 0
        """Resources that are changed, or would be."""
        self._console = console
        self._words = _PLANNED if preview else _DONE
        self._preview = preview
        self._started: dict[str, float] = {}
        self._status: Status | None = console.status("") if console.is_terminal else None

    def __enter__(self) -> "Progress":
        if self._status:
            self._status.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._status:
            self._status.stop()

    def on_event(self, event: EngineEvent) -> None:
        """Take one event; called from the thread that reads the engine's log."""
        if event.resource_pre_event and _is_change(event.resource_pre_event.metadata):
            metadata = event.resource_pre_event.metadata
            self._started[metadata.urn] = monotonic()
            if self._preview:
                self._line(metadata.op, metadata.urn, metadata.diffs or [])
            self._show_running()
        elif event.res_outputs_event and not self._preview:
            metadata = event.res_outputs_event.metadata
            if _is_change(metadata):
                self._line(metadata.op, metadata.urn, [])
            self._started.pop(metadata.urn, None)
            self._show_running()
        elif event.diagnostic_event and event.diagnostic_event.severity == "error":
            self.errors.append(_COLOR_TAG.sub("", event.diagnostic_event.message).strip())

    def _line(self, op: OpType, urn: str, diffs: list[str]) -> None:
        self.changes += 1
        word = self._words.get(op, op.value)
        detail = f" [dim]({', '.join(diffs)})[/dim]" if diffs else ""
        elapsed = monotonic() - self._started.get(urn, monotonic())
        time = f" [dim]{duration(elapsed)}[/dim]" if elapsed >= 1 and not self._preview else ""
        self._console.print(f"  {word:<{_LABEL_WIDTH}} {resource_name(urn)}{detail}{time}")

    def _show_running(self) -> None:
        if self._status:
            self._status.update(", ".join(resource_name(urn) for urn in list(self._started)[:3]))


def _is_change(metadata: StepEventMetadata) -> bool:
    # Components, the stack and providers are not shown: only the resources in them change.
    own = metadata.type.startswith(("pulumi:", "open-webui-stack:"))
    return not own and metadata.op not in _UNCHANGED | _SUMMARY_ONLY
