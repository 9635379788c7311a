"""A preview as a file for programs: what `pulumi preview --json --show-sames` prints."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from pulumi import RunError, automation

from terminal.errors import LocalError, UsageError


@contextmanager
def written_whatever_happens(file: Path | None) -> Iterator[None]:
    """See to it that the file is about this preview: what an earlier one left goes, and a failure is written down.

    Args:
        file: as for `preview_to_file`; None when no file is asked for.

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
    """What the engine wrote, with the failure in it.

    Its own account says more, where it came to give one. It gives none of a policy that is violated, nor when it is
    killed: then the file would be the preview of a change that can be made.
    """
    try:
        preview = json.loads(written)
    except json.JSONDecodeError:
        preview = {}
    told = preview.get("diagnostics") or []
    if any(diagnostic.get("severity") == "error" for diagnostic in told):
        return written
    preview["diagnostics"] = [*told, {"severity": "error", "message": message}]
    return json.dumps(preview, indent=4) + "\n"


def preview_to_file(
    stack: automation.Stack, file: Path, on_event: Callable[[automation.EngineEvent], None] | None = None
) -> None:
    """Preview a stack into a file. Secrets in it are ``[secret]``: the engine replaces them.

    The file is written also when the preview fails: its diagnostics say why.

    Args:
        stack: what to preview.
        file: JSON, in the form of the CLI. Its directory exists.
        on_event: receives the engine's events.

    Raises:
        UsageError: the file cannot be written.
        CommandError: the preview failed.
    """
    lines: list[str] = []
    # The flag has no parameter in the Automation API. Without what stays the same, the totals of the stack's requests
    # could not be told.
    stack.workspace.env_vars = {**stack.workspace.env_vars, "PULUMI_OPTION_SHOW_SAMES": "true"}
    try:
        stack.preview(json=True, on_event=on_event, on_output=lines.append)
    finally:
        _write(file, "".join(f"{line}\n" for line in lines))


def _write(file: Path, text: str) -> None:
    try:
        file.write_text(text)
    except OSError as error:
        raise UsageError(f"--json {file}: {error.strerror}") from error
