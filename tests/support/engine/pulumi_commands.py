"""What the tests leave out of each command of the Pulumi CLI: its own log, and questions after an update."""

import os
from datetime import UTC, datetime
from pathlib import Path

from pulumi import automation


def pulumi_home(directory: Path) -> Path:
    """Make a `PULUMI_HOME` with the plugins that are installed, in which the CLI keeps no log.

    The log of every command, with each property on its way to or from a provider, is a quarter of the CPU time of a
    preview (docs/decisions/0028-time-of-a-preview.md). Where the CLI cannot make its directory it goes on without.

    Args:
        directory: an existing, empty one.
    """
    plugins = Path(os.environ.get("PULUMI_HOME", Path.home() / ".pulumi")) / "plugins"
    plugins.mkdir(parents=True, exist_ok=True)
    (directory / "plugins").symlink_to(plugins)
    (directory / "logs").touch()
    return directory


def skip_summaries(stack: automation.Stack) -> None:
    """Keep `up`, `refresh` and `destroy` from asking for the outputs and the history afterwards.

    The Automation API starts the CLI three times for them, 1.2 CPU seconds in all. A test that needs the outputs asks
    the workspace.
    """
    summary = automation.UpdateSummary(
        kind="update", start_time=datetime.now(UTC), message="", environment={}, config={}, result="not asked for"
    )
    vars(stack)["info"] = lambda *_, **__: summary
    vars(stack)["outputs"] = dict
