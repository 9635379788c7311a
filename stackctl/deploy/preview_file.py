"""A preview as a file for programs: what `pulumi preview --json --show-sames` prints."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from pulumi import RunError, automation

from terminal.errors import LocalError, UsageError
from terminal.invocation import option


@contextmanager
def written_in_any_case(file: Path | None) -> Iterator[None]:
    """Make sure that the file describes this preview: remove an earlier preview, and record a failure.

    Args:
        file: as for `preview_to_file`; None when no file is requested.

    Raises:
        UsageError: the file cannot be written.
    """
    if file is None:
        yield
        return
    _write(file, "")
    try:
        yield
    except (LocalError, RunError) as error:
        _write(file, _with_failure(file.read_text(), str(error)))
        raise


def _with_failure(written: str, message: str) -> str:
    """The engine's preview with the failure among its diagnostics.

    The engine's own diagnostics are more precise. But it writes none for a violated policy or when it is killed:
    without the failure, the file would look like the preview of an allowed change.
    """
    try:
        preview = json.loads(written)
    except json.JSONDecodeError:
        preview = {}
    diagnostics = preview.get("diagnostics") or []
    if any(diagnostic.get("severity") == "error" for diagnostic in diagnostics):
        return written
    preview["diagnostics"] = [*diagnostics, {"severity": "error", "message": message}]
    return json.dumps(preview, indent=4) + "\n"


def preview_to_file(
    stack: automation.Stack, file: Path, on_event: Callable[[automation.EngineEvent], None] | None = None
) -> None:
    """Preview a stack into a file. The engine replaces secrets by ``[secret]``.

    The file is also written when the preview fails: its diagnostics contain the reason.

    Args:
        stack: to preview.
        file: JSON, in the form of the CLI. Its directory exists.
        on_event: receives the engine's events.

    Raises:
        UsageError: the file cannot be written.
        CommandError: the preview failed.
    """
    lines: list[str] = []
    # The Automation API has no parameter for this flag. The totals of the stack's requests include what stays the same.
    stack.workspace.env_vars = {**stack.workspace.env_vars, "PULUMI_OPTION_SHOW_SAMES": "true"}
    try:
        stack.preview(json=True, on_event=on_event, on_output=lines.append)
    finally:
        _write(file, "".join(f"{line}\n" for line in lines))


def _write(file: Path, text: str) -> None:
    try:
        file.write_text(text)
    except OSError as error:
        raise UsageError(f"{option('json', str(file))}: {error.strerror}") from error
