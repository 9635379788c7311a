"""What `make verify` says of an HTTPRoute, a Gateway and a load balancer."""

from typing import Any

import pytest

from stackctl.deployed.check import CheckError
from stackctl.deployed.exposure import exposure_is_accepted
from tests.support.unit.verify_cluster import FakeCluster

HTTPS = {"name": "open-webui", "sectionName": "https"}


def conditions(**statuses: str) -> list[dict[str, str]]:
    return [{"type": kind, "status": status, "reason": f"Why{kind}"} for kind, status in statuses.items()]


def parent(reference: dict[str, str], **statuses: str) -> dict[str, Any]:
    # Controllers add the defaults of the API.
    full = {"group": "gateway.networking.k8s.io", "kind": "Gateway", "namespace": "rag-system", **reference}
    return {"parentRef": full, "conditions": conditions(**statuses)}


def cluster_with(*parents: dict[str, Any], gateway: dict[str, str] | None = None) -> FakeCluster:
    route = {
        "metadata": {"name": "open-webui"},
        "spec": {"parentRefs": [HTTPS]},
        "status": {"parents": list(parents)} if parents else {},
    }
    gateways = (
        [{"metadata": {"name": "open-webui"}, "status": {"conditions": conditions(**gateway)}}] if gateway else []
    )
    return FakeCluster(gateway_api={"httproutes": [route], "gateways": gateways})


def test_a_cluster_without_the_gateway_api_has_nothing_to_check() -> None:
    assert exposure_is_accepted(FakeCluster().stack) == "there is no HTTPRoute and no load balancer"


def test_an_accepted_route_names_its_gateway() -> None:
    ready = {"Accepted": "True", "Programmed": "True"}
    cluster = cluster_with(parent(HTTPS, Accepted="True", ResolvedRefs="True"), gateway=ready)
    assert exposure_is_accepted(cluster.stack) == "HTTPRoute open-webui by Gateway open-webui, listener https"


@pytest.mark.parametrize(
    ("cluster", "message"),
    [
        # The status of a route whose Gateway does not exist.
        (cluster_with(), "no controller has accepted it for Gateway open-webui, listener https, which may not exist"),
        (
            cluster_with(parent({"name": "other", "sectionName": "https"}, Accepted="True", ResolvedRefs="True")),
            "no controller has accepted it for Gateway open-webui",
        ),
        (
            cluster_with(parent(HTTPS, Accepted="False", ResolvedRefs="True")),
            "Accepted is not True: WhyAccepted",
        ),
        (
            cluster_with(parent(HTTPS, Accepted="True", ResolvedRefs="False")),
            "ResolvedRefs is not True: WhyResolvedRefs",
        ),
        (cluster_with(parent(HTTPS, Accepted="True")), "ResolvedRefs is not True: not set"),
        (
            cluster_with(
                parent(HTTPS, Accepted="True", ResolvedRefs="True"), gateway={"Accepted": "True", "Programmed": "False"}
            ),
            "Gateway open-webui: Programmed is not True",
        ),
    ],
)
def test_a_route_that_nothing_serves_fails(cluster: FakeCluster, message: str) -> None:
    with pytest.raises(CheckError) as refused:
        exposure_is_accepted(cluster.stack)
    assert message in str(refused.value)


def balancer(*addresses: dict[str, str]) -> dict[str, Any]:
    status = {"loadBalancer": {"ingress": list(addresses)} if addresses else {}}
    return {"metadata": {"name": "lb"}, "spec": {"type": "LoadBalancer", "clusterIP": "10.0.0.4"}, "status": status}


def test_a_load_balancer_needs_an_address() -> None:
    both = FakeCluster(load_balancers=[balancer({"ip": "192.0.2.1"}, {"hostname": "lb.example.com"})])
    assert exposure_is_accepted(both.stack) == "Service lb at 192.0.2.1, lb.example.com"
    with pytest.raises(CheckError, match="Service lb has no address"):
        exposure_is_accepted(FakeCluster(load_balancers=[balancer()]).stack)
