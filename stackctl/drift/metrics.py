"""The result of a comparison as metrics, in the text format of Prometheus.

https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format
"""

from pathlib import Path

from host.directories import write
from terminal.errors import LocalError, UsageError
from terminal.invocation import option

from .differences import Comparison

OBJECTS = "open_webui_stack_drift_objects"
COMPARED = "open_webui_stack_drift_compared_timestamp_seconds"

_READABLE = 0o644
"""node_exporter runs as another user."""


def require_writable(file: Path) -> None:
    """Check before the comparison that the file can be written after it.

    Raises:
        UsageError: its directory does not exist, or it is a directory itself.
    """
    reason = "Is a directory" if file.is_dir() else None if file.parent.is_dir() else "No such file or directory"
    if reason:
        raise UsageError(f"{option('metrics', str(file))}: {reason}")


def write_metrics(file: Path, text: str) -> None:
    """Replace the file at once: a scrape reads the earlier result or this one.

    Raises:
        LocalError: the file cannot be written.
    """
    try:
        write(file, text, mode=_READABLE)
    except OSError as error:
        raise LocalError(f"{option('metrics', str(file))}: {error.strerror}") from error


def metrics_text(comparison: Comparison, *, environment: str, namespace: str) -> str:
    """The metrics of a comparison.

    Args:
        comparison: a complete one.
        environment: name of the stack.
        namespace: namespace of the stack, the label of its other metrics.
    """
    labels = f'{{environment="{_escaped(environment)}",namespace="{_escaped(namespace)}"}}'
    metrics = (
        (OBJECTS, "Objects of the cluster that differ from the last update.", len(comparison.drifts)),
        (COMPARED, "When the last complete comparison ended.", comparison.ended),
    )
    return "".join(
        f"# HELP {name} {description}\n# TYPE {name} gauge\n{name}{labels} {value}\n"
        for name, description, value in metrics
    )


def _escaped(value: str) -> str:
    return value.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")
