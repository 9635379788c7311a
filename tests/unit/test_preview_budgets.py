"""Settings that leave fewer pods in production than a disruption budget requires."""

from typing import Any

import pytest

from stackctl.gate.gate import findings
from tests.support.unit.preview_steps import (
    BUDGET,
    DEPLOYMENT,
    ONE_AT_A_TIME,
    SCALER,
    budget,
    deployment,
    gate,
    parsed,
    relabelled,
    same,
    scaler,
    step,
)

DISRUPTIONS: dict[str, tuple[list[dict[str, Any]], str]] = {
    "fewer replicas": (
        [ONE_AT_A_TIME, step("update", DEPLOYMENT, deployment(3), deployment(1))],
        "a drain may evict the last pod: 1 replicas with 1 unavailable, before 3 with 1",
    ),
    "fewer by the autoscaler": (
        [ONE_AT_A_TIME, same(DEPLOYMENT, deployment(3)), step("update", SCALER, scaler(3), scaler(1))],
        "a drain may evict the last pod",
    ),
    "no replicas": (
        [ONE_AT_A_TIME, step("update", DEPLOYMENT, deployment(3), deployment(0))],
        "no pod remains of 3",
    ),
    "no autoscaler": (
        [ONE_AT_A_TIME, same(DEPLOYMENT, deployment(None)), step("delete", SCALER, scaler(3))],
        "a drain may evict the last pod",
    ),
    "labels that the budget does not select": (
        [ONE_AT_A_TIME, step("update", DEPLOYMENT, deployment(3), relabelled(deployment(3)))],
        "it no longer has a budget",
    ),
    "a wider budget": (
        [same(DEPLOYMENT, deployment(3)), step("update", BUDGET, budget(maxUnavailable=1), budget(maxUnavailable=3))],
        "a drain may evict the last pod",
    ),
    "a wider budget in percent": (
        [same(DEPLOYMENT, deployment(3)), step("update", BUDGET, budget(minAvailable=2), budget(minAvailable="0%"))],
        "a drain may evict the last pod",
    ),
    "a budget without selector": (
        [
            same(DEPLOYMENT, deployment(3)),
            step("update", BUDGET, budget(maxUnavailable=1), {**budget(), "spec": {"maxUnavailable": 1}}),
        ],
        "it no longer has a budget",
    ),
    "no budget": (
        [same(DEPLOYMENT, deployment(3)), step("delete", BUDGET, budget(maxUnavailable=1))],
        "it no longer has a budget",
    ),
    "a budget that blocks": (
        [
            same(DEPLOYMENT, deployment(3)),
            step("update", BUDGET, budget(maxUnavailable=1), budget(minAvailable="100%")),
        ],
        "every drain of a node waits forever",
    ),
    "a roll of too many": (
        [
            ONE_AT_A_TIME,
            step(
                "update",
                DEPLOYMENT,
                deployment(3),
                deployment(3, image="x:2", strategy={"rollingUpdate": {"maxUnavailable": 2}}),
            ),
        ],
        "the update stops 2 of 3 pods at once, the budget allows 1",
    ),
    "a roll that stops all": (
        [ONE_AT_A_TIME, step("update", DEPLOYMENT, deployment(3), deployment(3, "x:2", strategy={"type": "Recreate"}))],
        "the update stops 3 of 3 pods at once, the budget allows 1",
    ),
    "a replacement": (
        [ONE_AT_A_TIME, step("replace", DEPLOYMENT, deployment(3), deployment(3))],
        "the update stops 3 of 3 pods at once, the budget allows 1",
    ),
    "a deletion": (
        [step("delete", BUDGET, budget(maxUnavailable=1)), step("delete", DEPLOYMENT, deployment(3))],
        "the update stops 3 of 3 pods at once, the budget allows 1",
    ),
}


@pytest.mark.parametrize("name", DISRUPTIONS)
def test_production_does_not_drop_below_its_budget(name: str) -> None:
    steps, cause = DISRUPTIONS[name]
    [finding] = gate(*steps)
    assert (finding.resource, finding.label) == ("Deployment/web", "allow-disruption:prod/web")
    assert cause in finding.cause
    assert gate(*steps, production=False) == []
    assert gate(*steps, labels=("allow-disruption:prod/web",))[0].allowed


def test_budgets_are_not_judged_by_half() -> None:
    """A preview without the unchanged resources may lack an existing budget."""
    less = parsed(step("update", DEPLOYMENT, deployment(3), deployment(1)))
    [finding] = findings(less, "prod", production=True, complete=False)
    assert (finding.resource, finding.label) == ("Deployment/web", None)
    assert "--show-sames" in str(finding.remedy)
    assert findings(less, "prod", production=False, complete=False) == []
    unchanged = parsed(same(DEPLOYMENT, deployment(3)))
    assert findings(unchanged, "prod", production=True, complete=False) == []
    other = parsed(step("update", "kubernetes:core/v1:ConfigMap::c", {"data": {}}, {"data": {"a": "b"}}))
    assert findings(other, "prod", production=True, complete=False) == []


@pytest.mark.parametrize(
    "steps",
    [
        [ONE_AT_A_TIME, step("update", DEPLOYMENT, deployment(3), deployment(2))],
        [ONE_AT_A_TIME, step("update", DEPLOYMENT, deployment(3), deployment(3, image="x:2"))],
        [ONE_AT_A_TIME, step("update", DEPLOYMENT, deployment(1), deployment(1, "x:2", strategy={"type": "Recreate"}))],
        [step("create", DEPLOYMENT, after=deployment(1))],
        [same(DEPLOYMENT, deployment(1)), ONE_AT_A_TIME],
        # What blocked every drain before is for the policies.
        [same(DEPLOYMENT, deployment(3)), same(BUDGET, budget(maxUnavailable=0))],
        [step("update", DEPLOYMENT, deployment(0), deployment(0, image="x:2")), same(BUDGET, budget(maxUnavailable=0))],
        [step("update", DEPLOYMENT, deployment(3), deployment(3, image="x:2"))],
    ],
)
def test_what_keeps_the_budget_is_let_through(steps: list[dict[str, Any]]) -> None:
    assert gate(*steps) == []


FEWER = step("update", DEPLOYMENT, deployment(3), deployment(1))


def elsewhere(state: dict[str, Any]) -> dict[str, Any]:
    return {**state, "metadata": {"name": "web", "namespace": "elsewhere"}}


def aimed_at(**target: str) -> dict[str, Any]:
    state = scaler(3)
    state["spec"]["scaleTargetRef"] |= target
    return state


@pytest.mark.parametrize(
    "other", [aimed_at(name="other"), aimed_at(kind="StatefulSet"), elsewhere(scaler(3))], ids=["name", "kind", "place"]
)
def test_the_autoscaler_of_another_workload_holds_nothing(other: dict[str, Any]) -> None:
    assert gate(ONE_AT_A_TIME, FEWER, same(SCALER, scaler(3))) == []
    [finding] = gate(ONE_AT_A_TIME, FEWER, same(SCALER, other))
    assert "a drain may evict the last pod" in finding.cause


def test_an_autoscaler_without_a_fewest_keeps_one() -> None:
    least = scaler(1)
    del least["spec"]["minReplicas"]
    [finding] = gate(ONE_AT_A_TIME, same(DEPLOYMENT, deployment(3)), step("update", SCALER, scaler(3), least))
    assert "1 replicas" in finding.cause


def test_the_budget_of_another_namespace_promises_nothing() -> None:
    assert gate(same(BUDGET, elsewhere(budget(maxUnavailable=1))), FEWER) == []


def test_a_stateful_set_rolls_one_pod_at_a_time() -> None:
    stateful = "kubernetes:apps/v1:StatefulSet::web"
    both = (deployment(3, image=f"x:{number}", kind="StatefulSet") for number in (1, 2))
    assert gate(ONE_AT_A_TIME, step("update", stateful, *both)) == []
    both = (deployment(3, image=f"x:{number}", kind="StatefulSet") for number in (1, 2))
    [finding] = gate(same(BUDGET, budget(maxUnavailable=0)), step("update", stateful, *both))
    assert finding.cause == "the update stops 1 of 3 pods at once, the budget allows 0"


def test_a_roll_is_judged_by_the_budget_that_comes_with_it() -> None:
    roll = step(
        "update", DEPLOYMENT, deployment(3), deployment(3, "x:2", strategy={"rollingUpdate": {"maxUnavailable": 2}})
    )
    assert gate(step("update", BUDGET, budget(maxUnavailable=1), budget(maxUnavailable=2)), roll) == []
    [finding] = gate(step("update", BUDGET, budget(maxUnavailable=2), budget(maxUnavailable=1)), roll)
    assert "the update stops 2 of 3 pods at once, the budget allows 1" in finding.cause
