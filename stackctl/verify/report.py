"""Running the checks, and the report on them."""

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from time import monotonic
from typing import Literal, get_args

from rich.console import Console
from rich.table import Table
from rich.text import Text

from ..deployed.check import CannotRunError, Check, CheckError
from ..deployed.kubectl import KubectlError
from ..deployed.stack import SIMULATED as SIMULATED
from ..deployed.stack import Stack

Outcome = Literal["pass", "fail", "cannot run"]
_STYLES = {"pass": "green", "fail": "red", "cannot run": "yellow"}


@dataclass(frozen=True, kw_only=True)
class Result:
    """Result of one check."""

    check: str
    proves: str
    """The condition in one sentence."""

    outcome: Outcome
    seconds: float
    detail: str
    """The observation."""

    look_at: str
    """Command that shows more; empty unless it failed."""


def run(checks: Iterable[Check], stack: Stack, begin: Callable[[str], None] = lambda _name: None) -> list[Result]:
    """Run checks one after the other. A failed check does not prevent the next one.

    Args:
        checks: to run.
        stack: to check.
        begin: receives the name of each check before it runs.
    """
    simulated = stack.is_simulated()
    results = []
    for check in checks:
        begin(check.name)
        if simulated and check.runs_in_pods:
            results.append(_result(check, stack, "cannot run", SIMULATED, 0))
        else:
            results.append(_run(check, stack))
    return results


def _run(check: Check, stack: Stack) -> Result:
    started = monotonic()
    outcome: Outcome = "pass"
    try:
        detail = check.run(stack)
    except CannotRunError as error:
        outcome, detail = "cannot run", str(error)
    except (CheckError, KubectlError) as error:
        outcome, detail = "fail", str(error)
    return _result(check, stack, outcome, detail, monotonic() - started)


def _result(check: Check, stack: Stack, outcome: Outcome, detail: str, seconds: float) -> Result:
    look_at = check.look_at.replace("{kubectl}", stack.kubectl.shown()) if outcome == "fail" else ""
    return Result(
        check=check.name,
        proves=check.proves,
        outcome=outcome,
        seconds=round(seconds, 1),
        detail=detail,
        look_at=look_at,
    )


def count(results: Iterable[Result], outcome: Outcome) -> int:
    """Number of checks with this outcome."""
    return sum(result.outcome == outcome for result in results)


def print_table(results: Sequence[Result], console: Console) -> None:
    """Print the results as a table."""
    table = Table(box=None, pad_edge=False)
    table.add_column("check", no_wrap=True)
    table.add_column("", no_wrap=True)
    table.add_column("time", justify="right", no_wrap=True)
    table.add_column("observed", overflow="fold")
    for result in results:
        # As a Text: brackets in an observation are not markup.
        observed = Text(result.detail)
        if result.look_at:
            observed.append(f"\nlook at: {result.look_at}", style="dim")
        outcome = Text(result.outcome, style=_STYLES[result.outcome])
        table.add_row(result.check, outcome, f"{result.seconds:.1f} s", observed)
    console.print(table)
    console.print(summary(results))


def summary(results: Sequence[Result]) -> str:
    """One line: how many checks passed, failed and cannot run, and the meaning."""
    passed, failed, cannot = (count(results, outcome) for outcome in get_args(Outcome))
    parts = [f"{passed} passed", f"{failed} failed", f"{cannot} cannot run here"]
    meaning = "" if failed or not cannot else " (neither passed nor failed; all that can run passes)"
    return ", ".join(parts) + meaning


def as_json(results: Sequence[Result], stack: Stack) -> str:
    """The results as JSON."""
    passed, failed, cannot = (count(results, outcome) for outcome in get_args(Outcome))
    document = {
        "context": stack.kubectl.context,
        "namespace": stack.kubectl.namespace,
        "passed": passed,
        "failed": failed,
        "cannot_run": cannot,
        "checks": [asdict(result) for result in results],
    }
    return json.dumps(document, indent=2)
