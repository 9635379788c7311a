"""A comparison that `pulumi refresh --preview-only --json` made: the engine's events, one JSON object a line.

Without PULUMI_ENABLE_STREAMING_JSON_PREVIEW=true the CLI prints one document instead, which has no differences:
https://github.com/pulumi/pulumi/issues/16278
"""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path

from pulumi.automation import EngineEvent, OpType

from pulumi_values.urns import stack_of
from terminal.errors import LocalError, UsageError
from terminal.invocation import option

from .differences import Comparison, drift_of, in_order

_COMMAND = (
    "PULUMI_ENABLE_STREAMING_JSON_PREVIEW=true pulumi refresh --stack {stack} --preview-only --json --non-interactive"
)


def comparison_in(file: Path, stack: str) -> Comparison:
    """The comparison that a file of events records.

    Args:
        file: what `pulumi refresh` printed.
        stack: name of the stack.

    Raises:
        UsageError: the file has no events of a refresh of this stack.
        LocalError: the comparison failed or was not completed.
    """
    shown = option("events", str(file))
    try:
        events = [EngineEvent.from_json(json.loads(line)) for line in file.read_text().splitlines() if line.strip()]
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise _not_events(shown, stack) from error
    if not events or not all(_is_of_refresh(event, stack) for event in events):
        raise _not_events(shown, stack)
    if errors := list(_errors(events)):
        raise LocalError("\n".join(["comparison failed", *errors]))
    ends = [event.timestamp for event in events if event.summary_event]
    if not ends:
        raise LocalError(f"{shown}: the comparison was not completed")
    return Comparison(drifts=in_order(drift for event in events if (drift := drift_of(event))), ended=ends[-1])


def _not_events(shown: str, stack: str) -> UsageError:
    return UsageError(
        f"{shown}: not the events of a refresh of {stack}. Write them with\n{_COMMAND.format(stack=stack)}"
    )


def _is_of_refresh(event: EngineEvent, stack: str) -> bool:
    """Whether the event may be one of a refresh of the stack. A preview of an update also reports updates."""
    if not event.resource_pre_event:
        return True
    metadata = event.resource_pre_event.metadata
    return metadata.op is OpType.REFRESH and stack_of(metadata.urn) == stack


def _errors(events: Iterable[EngineEvent]) -> Iterator[str]:
    for event in events:
        if event.diagnostic_event and event.diagnostic_event.severity == "error":
            yield event.diagnostic_event.message.strip()
        elif event.res_op_failed_event:
            yield f"{event.res_op_failed_event.metadata.urn} could not be read"
