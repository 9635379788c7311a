"""A preview as a file for programs: what `pulumi preview --json --show-sames` prints."""

from collections.abc import Callable
from pathlib import Path

from pulumi import automation

from .errors import UsageError


def preview_to_file(
    stack: automation.Stack, file: Path, on_event: Callable[[automation.EngineEvent], None] | None = None
) -> None:
    """Preview a stack into a file. Secrets in it are ``[secret]``: the engine replaces them.

    The file is written also when the preview fails: its diagnostics say why. What an earlier preview left there is
    removed first, so that it is never taken for this one.

    Args:
        stack: what to preview.
        file: JSON, in the form of the CLI. Its directory exists.
        on_event: receives the engine's events.

    Raises:
        UsageError: the file cannot be written.
        CommandError: the preview failed.
    """
    try:
        file.unlink(missing_ok=True)
        file.touch()
    except OSError as error:
        raise UsageError(f"--json {file}: {error.strerror}") from error
    lines: list[str] = []
    # The flag has no parameter in the Automation API. Without what stays the same, the totals of the stack's requests
    # could not be told.
    stack.workspace.env_vars = {**stack.workspace.env_vars, "PULUMI_OPTION_SHOW_SAMES": "true"}
    try:
        stack.preview(json=True, on_event=on_event, on_output=lines.append)
    finally:
        file.write_text("".join(f"{line}\n" for line in lines))
