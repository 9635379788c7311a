"""The namespace's quota: what its own pods may need at the same time, and what is to spare, not a byte more."""

from collections.abc import Iterator
from typing import Any

import pytest

from components.blocks.quantities import MEBIBYTE, quantity
from components.namespace.quota import SPARE, SPARE_PODS
from components.open_webui.settings import SURGE_PODS
from tests.support.unit.recording import Recording, run


@pytest.fixture(
    scope="module", params=[(), ("monitoring.enabled=true", "openWebui.resources.limits.memory=1.5G")], ids=str
)
def deployed(request: pytest.FixtureRequest) -> Recording:
    return run("prod", request.param)


def workloads(recording: Recording) -> Iterator[tuple[int, list[dict[str, Any]]]]:
    """Most pods of each kind, and the containers of each that run at the same time."""
    scaler = recording.one("HorizontalPodAutoscaler").inputs["spec"]
    for kind in ("Deployment", "StatefulSet"):
        for each in recording.objects:
            if each.kind != kind:
                continue
            pod = each.inputs["spec"]["template"]["spec"]
            sidecars = [c for c in pod.get("initContainers", []) if c.get("restartPolicy") == "Always"]
            web = each.name == "open-webui"
            surge = each.inputs["spec"].get("strategy", {}).get("rollingUpdate", {}).get("maxSurge", 0)
            pods = 2 * scaler["maxReplicas"] + SURGE_PODS if web else each.inputs["spec"]["replicas"] + surge
            yield pods, [*pod["containers"], *sidecars]
    for each in recording.objects:
        if each.kind == "Job":
            yield 1, each.inputs["spec"]["template"]["spec"]["containers"]
        if each.kind == "CronJob":
            yield 1, each.inputs["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"]


@pytest.mark.parametrize("side", ["requests", "limits"])
@pytest.mark.parametrize("name", ["cpu", "memory", "ephemeral-storage"])
def test_the_quota_is_what_the_pods_need_and_the_spare(deployed: Recording, side: str, name: str) -> None:
    hard = quantity(deployed.one("ResourceQuota", "quota").inputs["spec"]["hard"][f"{side}.{name}"])
    needed = quantity(SPARE[name])
    for pods, containers in workloads(deployed):
        needed += int(pods) * sum(quantity(container["resources"][side][name]) for container in containers)
    assert needed <= hard < needed + (MEBIBYTE if name != "cpu" else quantity("1m"))


def test_the_quota_counts_the_pods(deployed: Recording) -> None:
    hard = deployed.one("ResourceQuota", "quota").inputs["spec"]["hard"]
    assert int(hard["pods"]) == sum(pods for pods, _ in workloads(deployed)) + SPARE_PODS


def test_the_quota_has_room_for_a_load_balancer_only_where_one_is_configured() -> None:
    balanced = ["openWebui.loadBalancer.enabled=true", "openWebui.loadBalancer.sourceRanges[0]=198.51.100.0/24"]
    for sets, count in (([], "0"), (balanced, "1")):
        hard = run("dev", sets).one("ResourceQuota", "quota").inputs["spec"]["hard"]
        assert (hard["services.loadbalancers"], hard["services.nodeports"]) == (count, count)
