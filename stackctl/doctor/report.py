"""The report on the symptoms that show."""

import json as json_format
from collections.abc import Sequence
from typing import Any

from rich.text import Text

from terminal.console import step, tables
from terminal.errors import ExitCode, LocalError
from terminal.invocation import command_line

from ..deployed.simulation import print_simulated
from ..deployed.target import find_stack
from ..options import Target
from ..redaction import redact
from .evidence import collect
from .rules import PAGE, Diagnosis, diagnose

_LONGEST = 300
"""Characters of an observation: a line of a log may be a whole document."""


class SymptomError(LocalError):
    """A symptom shows. The command itself has not failed."""

    exit_code = ExitCode.UNHEALTHY


def doctor(target: Target, *, json: bool) -> None:
    """Print the symptoms that show, with the cause and what to do.

    Args:
        target: the stack.
        json: whether to print JSON.

    Raises:
        SymptomError: a symptom shows.
        LocalError: there is no such stack, or the cluster does not answer.
    """
    stack = find_stack(target)
    with step("read pods, events and logs"):
        simulated, diagnoses = stack.is_simulated(), diagnose(collect(stack))
    report = [described(each, stack.kubectl.shown()) for each in diagnoses]
    if json:
        print(json_format.dumps({"simulated": simulated, "diagnoses": report}, indent=2))
    else:
        _print(report, simulated=simulated, more=command_line("status", env=target.environment))
    if report:
        raise SymptomError(f"{len(report)} known symptom{'s show' if len(report) > 1 else ' shows'}")


def described(diagnosis: Diagnosis, kubectl: str) -> dict[str, Any]:
    """A diagnosis as plain values. Lines of logs are redacted."""
    rule = diagnosis.rule
    return {
        "symptom": rule.symptom,
        "observed": [redact(text)[:_LONGEST] for text in diagnosis.observed],
        "cause": rule.cause,
        "fix": rule.fix.replace("{kubectl}", kubectl),
        "page": f"{PAGE}#{rule.section}",
    }


def _print(report: Sequence[dict[str, Any]], *, simulated: bool, more: str) -> None:
    console = tables()
    if simulated:
        print_simulated(console, "there are no logs")
    for each in report:
        console.print(Text(each["symptom"], style="bold"))
        for text in each["observed"]:
            console.print(Text(f"  observed  {text}"), soft_wrap=True)
        console.print(Text(f"  cause     {each['cause']}"), soft_wrap=True)
        console.print(Text(f"  to do     {each['fix']}"), soft_wrap=True)
        console.print(Text(f"  page      {each['page']}", style="dim"))
    if not report:
        console.print(Text(f"No known symptom shows. See also: {more}, and {PAGE}"))
