"""The report as one HTML page that loads nothing: for a ticket, an artifact of a pipeline, an audit."""

from collections.abc import Sequence
from datetime import datetime
from html import escape
from pathlib import Path
from string import Template
from typing import Any

from terminal.errors import UsageError
from terminal.invocation import option

from ..deployed.applications import applications
from ..deployed.backup_state import backup_state
from ..deployed.stack import Stack
from ..deployed.topology import topology
from ..diagram import draw
from ..redaction import redact
from .drawing import diagram
from .report import Result, summary

_TEMPLATE = Path(__file__).with_name("page.html")
_CLASSES = {"pass": "pass", "fail": "fail", "cannot run": "cannot"}


def clear(file: Path) -> None:
    """Empty the file before the checks: a page of an earlier run must not look like that of a run that failed.

    Raises:
        UsageError: it cannot be written.
    """
    try:
        file.write_text("")
    except OSError as error:
        raise UsageError(f"{option('html', str(file))}: {error.strerror}") from error


def drawn(stack: Stack) -> dict[str, Any]:
    """The stack as a diagram.

    Raises:
        KubectlError: the cluster does not answer.
    """
    cluster = stack.database_cluster()
    workloads = stack.workloads(cluster)
    return diagram(
        applications(stack, workloads),
        topology(stack, cluster, workloads),
        namespace=stack.kubectl.namespace,
        backups=backup_state(stack) is not None,
    )


def page(
    results: Sequence[Result], picture: dict[str, Any], *, namespace: str, context: str | None, at: datetime
) -> str:
    """The page.

    Args:
        results: of the checks.
        picture: the stack as a diagram.
        namespace: of the stack.
        context: of the kubeconfig.
        at: when the checks ended.
    """
    seconds = sum(result.seconds for result in results)
    where = f"{f'Context {context}, ' if context else ''}{at:%Y-%m-%d %H:%M} UTC, {seconds:.1f} s"
    return Template(_TEMPLATE.read_text()).substitute(
        title=escape(f"Checks of Open WebUI in {namespace}"),
        where=escape(where),
        summary=escape(summary(results)),
        diagram=draw(picture),
        rows="\n".join(_row(result) for result in results),
    )


def _row(result: Result) -> str:
    # What a server answers is text of others. A check quotes no secret; this is the second lock.
    observed = escape(redact(result.detail))
    if result.look_at:
        observed += f"<br><small>look at: <code>{escape(redact(result.look_at))}</code></small>"
    return (
        f"<tr><td>{escape(result.check)}<br><small>{escape(result.proves)}</small></td>"
        f'<td class="outcome {_CLASSES[result.outcome]}">{result.outcome}</td>'
        f'<td class="time">{result.seconds:.1f} s</td><td>{observed}</td></tr>'
    )
