"""The pods that an update restarts, the reason, and the effect on requests."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from components.open_webui import names as open_webui
from components.postgresql import names as postgresql
from components.redis import names as redis
from components.redis.server.places import DATA_DIRECTORY as REDIS_DATA

from .changes import Change, Operation
from .model import at
from .property_diff import Difference, differences
from .volumes import deleted_claims, keeps_data
from .workloads import Workload, both_sides, key

_TEMPLATE = "spec.template."
_MOST_REASONS = 3
_CHECKSUM = re.compile(r"annotations\.checksum/(?P<what>.+)$")
_VARIABLE = re.compile(r"ontainers\[(?P<container>[^\]]+)\]\.env\[(?P<name>[^\]]+)\]")
_PART = re.compile(r"ontainers\[(?P<container>[^\]]+)\]\.(?P<part>.+)$")

_RESTARTS = {
    redis.APP: "Redis restarts empty: websockets reconnect, signed-out tokens count as valid until they expire",
    postgresql.APP: "the database restarts: requests fail until it is back",
    open_webui.APP: "no request is served until the new pods are ready",
}
"""The effect of a restart of all pods of an application."""

_RESTARTS_WITH_DATA = {
    redis.APP: "Redis restarts with the data on its volume: requests fail and websockets reconnect until it is ready",
}
"""The same for pods that start with the data of the previous pods."""

_STOPS = "no pod remains that answers"


@dataclass(frozen=True, kw_only=True)
class Rollout:
    """Pods of one workload that an update stops."""

    workload: str
    """``Deployment/redis``."""

    pods: int
    """How many."""

    how: str
    why: tuple[str, ...]
    interruption: str | None
    """The effect on requests; None when they are served throughout."""


def rollouts(changes: Iterable[Change]) -> list[Rollout]:
    """The workloads whose pods are restarted or removed."""
    listed = tuple(changes)
    before, after = both_sides(listed)
    deleted = deleted_claims(listed)
    stopped = []
    for change in listed:
        old, new = before.get(key(change)), after.get(key(change))
        with_data = keeps_data(change, REDIS_DATA, deleted)
        if old and change.destroys:
            stopped.append(_ended(change, old, with_data=with_data))
        elif old and new and rolls(change):
            stopped.append(_rolled(change, new, with_data=with_data))
        elif old and new and new.fewest < old.fewest:
            stopped.append(_scaled_down(change, old, new))
    return stopped


def rolls(change: Change) -> bool:
    """Whether an update changes the pod template."""
    return change.operation is Operation.UPDATE and at(change.before, "spec", "template") != at(
        change.after, "spec", "template"
    )


def _ended(change: Change, old: Workload, *, with_data: bool) -> Rollout:
    again = change.operation is Operation.REPLACE
    return Rollout(
        workload=change.label,
        pods=old.fewest,
        how="all stop, then the new ones start" if again else "all are removed",
        why=(change.replaced_by[:_MOST_REASONS] or _template_reasons(change)) if again else (),
        interruption=_restart(old, with_data=with_data) if again else _stop(old),
    )


def _rolled(change: Change, new: Workload, *, with_data: bool) -> Rollout:
    taken = new.taken_by_rollout
    if taken >= new.fewest:
        how = "all at once, then the new ones start" if new.fewest > 1 else "stops before the new one starts"
    else:
        how = f"up to {taken} unavailable at a time" if taken else "each one is replaced when a new one is ready"
    return Rollout(
        workload=change.label,
        pods=new.fewest,
        how=how,
        why=_template_reasons(change),
        interruption=_restart(new, with_data=with_data) if taken >= new.fewest else None,
    )


def _template_reasons(change: Change) -> tuple[str, ...]:
    inside = [difference for difference in differences(change) if difference.path.startswith(_TEMPLATE)]
    # A new image comes first: the other differences often follow from it.
    inside.sort(key=lambda difference: not difference.path.endswith(".image"))
    reasons = list(dict.fromkeys(reason(difference) for difference in inside))
    more = len(reasons) - _MOST_REASONS
    return (*reasons[:_MOST_REASONS], *((f"{more} more",) if more > 0 else ()))


def _scaled_down(change: Change, old: Workload, new: Workload) -> Rollout:
    return Rollout(
        workload=change.label,
        pods=old.fewest - new.fewest,
        how="removed, their connections are closed",
        why=(f"replicas {old.fewest} → {new.fewest}",),
        interruption=None if new.fewest else _stop(old),
    )


def _restart(workload: Workload, *, with_data: bool) -> str | None:
    if not workload.fewest:
        return None
    if with_data and workload.name in _RESTARTS_WITH_DATA:
        return _RESTARTS_WITH_DATA[workload.name]
    return _RESTARTS.get(workload.name, "none of its pods answers until the new ones are ready")


def _stop(workload: Workload) -> str | None:
    return _STOPS if workload.fewest else None


def reason(difference: Difference) -> str:
    """A short text for a difference in a pod template."""
    path = difference.path
    if match := _CHECKSUM.search(path):
        what = match["what"]
        return "new configuration or secret" if what in ("config", "secret") else f"new contents of {what}"
    if match := _VARIABLE.search(path):
        return f"variable {match['name']}"
    if match := _PART.search(path):
        if match["part"] == "image":
            return f"image {difference.before} → {difference.after}"
        # A mount or probe that changes as a whole is mentioned once.
        return f"{match['container']}: {match['part'].partition('.')[0]}"
    return path.removeprefix(_TEMPLATE).removeprefix("spec.").removeprefix("metadata.")
