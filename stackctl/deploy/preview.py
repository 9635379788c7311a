"""What an update would change."""

from pathlib import Path

from terminal.console import results

from ..engine.environment import check_config, one_command_at_a_time, prepared_stack
from ..engine.run import engine_run
from ..options import Overrides
from .preview_file import preview_to_file, written_in_any_case


def preview(environment: str, requested_cluster: str, overrides: Overrides, json_file: Path | None = None) -> None:
    """Print what `up` would change.

    Args:
        environment: its name.
        requested_cluster: value of CLUSTER.
        overrides: config over the environment's.
        json_file: file for the output of `pulumi preview --json --show-sames`, written also when the preview fails.

    Raises:
        ConfigError: the config is wrong; nothing was started.
        LocalError: the preview failed.
        UsageError: the file cannot be written.
    """
    with written_in_any_case(json_file):
        check_config(environment, overrides)
        with one_command_at_a_time(environment):
            cluster, stack = prepared_stack(environment, requested_cluster, overrides)
            with engine_run("preview", preview=True) as progress:
                if json_file:
                    preview_to_file(stack, json_file, progress.on_event)
                else:
                    stack.preview(on_event=progress.on_event)
    changes = f"{progress.changes} would change" if progress.changes else "no changes"
    results.print(f"[bold]{environment}[/bold] on {cluster.context}: {changes}")
