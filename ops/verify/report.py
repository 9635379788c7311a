"""Run the checks and show what came of them."""

import json
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from time import monotonic
from typing import Literal

from rich.console import Console
from rich.table import Table

from .checks import Check, CheckError
from .kubectl import KubectlError
from .stack import Stack

Outcome = Literal["pass", "fail", "cannot run"]
_STYLES = {"pass": "green", "fail": "red", "cannot run": "yellow"}
SIMULATED = "pods are simulated here: no container runs"


@dataclass(frozen=True, kw_only=True)
class Result:
    """What came of one check."""

    check: str
    outcome: Outcome
    seconds: float
    detail: str
    """What was seen."""

    look_at: str
    """Command that shows more; empty unless it failed."""


def run(checks: Iterable[Check], stack: Stack, begin: Callable[[str], None] = lambda _name: None) -> list[Result]:
    """Run checks one after the other; a failed one does not keep the next from running.

    Args:
        checks: to run.
        stack: to look at.
        begin: told the name of each check before it runs.
    """
    simulated = stack.is_simulated()
    results = []
    for check in checks:
        begin(check.name)
        if simulated and check.runs_in_pods:
            results.append(Result(check=check.name, outcome="cannot run", seconds=0, detail=SIMULATED, look_at=""))
        else:
            results.append(_run(check, stack))
    return results


def _run(check: Check, stack: Stack) -> Result:
    started = monotonic()
    outcome: Outcome = "pass"
    try:
        detail, look_at = check.run(stack), ""
    except (CheckError, KubectlError, IndexError) as error:
        # No pod of a kind to look into: said by the check of the pods.
        detail = str(error) if not isinstance(error, IndexError) else "there is no ready pod to look into"
        outcome, look_at = "fail", check.look_at.replace("{kubectl}", f"kubectl -n {stack.kubectl.namespace}")
    seconds = round(monotonic() - started, 1)
    return Result(check=check.name, outcome=outcome, seconds=seconds, detail=detail, look_at=look_at)


def print_table(results: Iterable[Result], console: Console) -> None:
    """The results for a person."""
    table = Table(box=None, pad_edge=False)
    table.add_column("check")
    table.add_column("")
    table.add_column("time", justify="right")
    table.add_column("seen", overflow="fold")
    for result in results:
        outcome = f"[{_STYLES[result.outcome]}]{result.outcome}[/]"
        more = f"\n[dim]look at: {result.look_at}[/dim]" if result.look_at else ""
        table.add_row(result.check, outcome, f"{result.seconds:.1f} s", f"{result.detail}{more}")
    console.print(table)


def as_json(results: Iterable[Result]) -> str:
    """The results for a program."""
    return json.dumps([asdict(result) for result in results], indent=2)
