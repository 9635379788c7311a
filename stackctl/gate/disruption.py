"""Changes that leave fewer pods than the disruption budgets guarantee."""

from collections.abc import Iterable
from dataclasses import dataclass

from .changes import Change
from .rollouts import rolls
from .workloads import Workload, both_sides, key


@dataclass(frozen=True, kw_only=True)
class Disruption:
    """A workload that drops below its budget."""

    change: Change
    """Of the workload."""

    reasons: tuple[str, ...]


def disruptions(changes: Iterable[Change]) -> list[Disruption]:
    """The workloads that drop below their budget, during the update or after it.

    A new workload has no budget to drop below; the policies check whether it has one at all.
    """
    listed = tuple(changes)
    before, after = both_sides(listed)
    disrupted = []
    for change in listed:
        old, new = before.get(key(change)), after.get(key(change))
        if old and (reasons := tuple(_reasons(change, old, new))):
            disrupted.append(Disruption(change=change, reasons=reasons))
    return disrupted


def _reasons(change: Change, old: Workload, new: Workload | None) -> Iterable[str]:
    allowed = (new or old).budget if (new or old).budget is not None else old.budget
    away = old.fewest if change.destroys else new.taken_by_rollout if new and rolls(change) else 0
    if allowed is not None and away > allowed:
        yield f"the update stops {away} of {old.fewest} pods at once, the budget allows {allowed}"
    if new is None:
        return
    if old.budget is not None and new.budget is None:
        yield "it no longer has a budget: a drain may evict all its pods"
    elif old.fewest and not new.fewest:
        yield f"no pod remains of {old.fewest}"
    elif _left(old) >= 1 > _left(new):
        yield (
            f"a drain may evict the last pod: {new.fewest} replicas with {new.budget} unavailable, "
            f"before {old.fewest} with {old.budget}"
        )
    if new.budget == 0 and old.budget != 0 and new.fewest:
        yield "no pod may be evicted: every drain of a node waits forever"


def _left(workload: Workload) -> int:
    """Pods that keep running during a drain."""
    return workload.fewest - (workload.fewest if workload.budget is None else min(workload.budget, workload.fewest))
