"""Network policy rules of the web pods, and the settings that follow from the public URL."""

from typing import Any

import pytest

from tests.support.unit.effects import variable
from tests.support.unit.recording import Recording, run

HOST = ("openWebui.host=chat.example.com",)
INGRESS = (*HOST, "openWebui.ingress.enabled=true")
NAME = "kubernetes.io/metadata.name"


def ingress_rules(recording: Recording) -> Any:
    return recording.one("NetworkPolicy", "open-webui").inputs["spec"]["ingress"]


def annotations(recording: Recording) -> set[str]:
    return set(recording.one("Ingress").inputs["metadata"]["annotations"])


@pytest.mark.parametrize(
    ("sets", "peers"),
    [
        (["className=nginx"], [{"namespaceSelector": {"matchLabels": {NAME: "ingress-nginx"}}}]),
        (["className=traefik"], [{"namespaceSelector": {"matchLabels": {NAME: "traefik"}}}]),
        (["className=haproxy"], [{"namespaceSelector": {"matchLabels": {NAME: "haproxy-controller"}}}]),
        # k3s
        (
            ["className=traefik", "controllerNamespace=kube-system"],
            [{"namespaceSelector": {"matchLabels": {NAME: "kube-system"}}}],
        ),
        (
            ["className=internal", "controllerNamespace=ingress-internal", "controllerLabels.app=nginx"],
            [
                {
                    "namespaceSelector": {"matchLabels": {NAME: "ingress-internal"}},
                    "podSelector": {"matchLabels": {"app": "nginx"}},
                }
            ],
        ),
        (
            ["className=openshift-default"],
            [{"namespaceSelector": {"matchLabels": {"policy-group.network.openshift.io/ingress": ""}}}],
        ),
        (["controller=gke"], [{"ipBlock": {"cidr": "35.191.0.0/16"}}, {"ipBlock": {"cidr": "130.211.0.0/22"}}]),
        (["className=alb", "allowedCidrs[0]=10.20.0.0/20"], [{"ipBlock": {"cidr": "10.20.0.0/20"}}]),
        # On the host network it connects from the addresses of the nodes.
        (
            ["className=nginx", "allowedCidrs[0]=192.168.10.0/24"],
            [
                {"namespaceSelector": {"matchLabels": {NAME: "ingress-nginx"}}},
                {"ipBlock": {"cidr": "192.168.10.0/24"}},
            ],
        ),
    ],
)
def test_only_the_controller_may_connect(sets: list[str], peers: list[Any]) -> None:
    recording = run("dev", [*INGRESS, *(f"openWebui.ingress.{each}" for each in sets)])
    assert ingress_rules(recording) == [{"from": peers, "ports": [{"protocol": "TCP", "port": 8080}]}]


def test_a_gateway_may_connect_without_an_ingress() -> None:
    recording = run("dev", [*HOST, "openWebui.ingress.controllerNamespace=envoy-gateway-system"])
    [rule] = ingress_rules(recording)
    assert rule["from"] == [{"namespaceSelector": {"matchLabels": {NAME: "envoy-gateway-system"}}}]
    assert not [each for each in recording.objects if each.kind == "Ingress"]


def test_the_envoy_of_cilium_may_connect_by_a_policy_of_cilium() -> None:
    recording = run("dev", [*INGRESS, "openWebui.ingress.className=cilium"])
    assert ingress_rules(recording) == []
    policy = recording.one("CiliumNetworkPolicy").inputs["spec"]
    assert policy == {
        "endpointSelector": {"matchLabels": {"app": "open-webui"}},
        "ingress": [
            {"fromEntities": ["ingress"], "toPorts": [{"ports": [{"port": "8080", "protocol": "TCP"}]}]},
        ],
    }


@pytest.mark.parametrize(
    ("sets", "reads_nginx"),
    [
        (["className=nginx"], True),
        (["className=traefik"], False),
        (["className=openshift-default"], False),
        (["className=internal", "controllerNamespace=ingress-internal"], True),
        (["className=internal", "controllerNamespace=ingress-internal", "controller=haproxy"], False),
        # Traefik's provider for ingress-nginx: https://doc.traefik.io/traefik/providers/kubernetes/
        (["className=nginx", "controllerNamespace=traefik", "controller=ingress-nginx"], True),
    ],
)
def test_the_annotations_are_those_that_the_controller_reads(sets: list[str], reads_nginx: bool) -> None:
    recording = run("dev", [*INGRESS, *(f"openWebui.ingress.{each}" for each in sets)])
    assert ("nginx.ingress.kubernetes.io/proxy-body-size" in annotations(recording)) == reads_nginx


@pytest.mark.parametrize(("class_name", "on_service"), [("nginx", False), ("traefik", True)])
def test_the_cookie_is_where_the_controller_reads_it(class_name: str, on_service: bool) -> None:
    sets = [*INGRESS, f"openWebui.ingress.className={class_name}", "openWebui.ingress.stickySessions=true"]
    recording = run("dev", sets)
    service = recording.one("Service", "open-webui").inputs["metadata"].get("annotations") or {}
    assert ("traefik.ingress.kubernetes.io/service.sticky.cookie" in service) == on_service
    assert ("nginx.ingress.kubernetes.io/affinity" in annotations(recording)) != on_service


def test_tls_that_ends_before_the_ingress_is_the_browsers_scheme() -> None:
    recording = run("dev", [*INGRESS, "openWebui.ingress.className=nginx", "openWebui.publicScheme=https"])
    assert variable("CORS_ALLOW_ORIGIN")(recording) == "https://chat.example.com"
    assert variable("WEBUI_URL")(recording) == "https://chat.example.com"
    assert variable("WEBUI_SESSION_COOKIE_SECURE")(recording) == "true"
    assert "tls" not in recording.one("Ingress").inputs["spec"]


def test_every_host_is_an_origin_a_rule_and_a_name_of_the_certificate() -> None:
    sets = [*INGRESS, "openWebui.ingress.className=nginx", "openWebui.ingress.tlsSecretName=tls"]
    recording = run("dev", [*sets, "openWebui.additionalHosts[0]=chat.example.org"])
    hosts = ["chat.example.com", "chat.example.org"]
    spec = recording.one("Ingress").inputs["spec"]
    assert variable("CORS_ALLOW_ORIGIN")(recording) == ";".join(f"https://{host}" for host in hosts)
    assert [rule["host"] for rule in spec["rules"]] == hosts
    assert spec["tls"] == [{"hosts": hosts, "secretName": "tls"}]
    assert recording.outputs["webui_url"][0] == "https://chat.example.com"


@pytest.mark.parametrize(
    ("port", "origin"), [(8443, "https://chat.example.com:8443"), (443, "https://chat.example.com")]
)
def test_a_port_is_part_of_the_origin_unless_it_is_the_schemes(port: int, origin: str) -> None:
    recording = run("dev", [*HOST, "openWebui.publicScheme=https", f"openWebui.publicPort={port}"])
    assert variable("CORS_ALLOW_ORIGIN")(recording) == origin


def test_a_sign_in_comes_back_by_the_public_scheme() -> None:
    provider = ["openWebui.env.OAUTH_CLIENT_ID=web", "openWebui.env.OPENID_PROVIDER_URL=https://login.example.com"]
    redirection = variable("OPENID_REDIRECT_URI")
    recording = run("dev", [*HOST, *provider, "openWebui.publicScheme=https"])
    assert redirection(recording) == "https://chat.example.com/oauth/oidc/callback"
    assert redirection(run("dev", [*HOST, *provider])) is None
    own = "openWebui.env.OPENID_REDIRECT_URI=https://chat.example.com/other"
    assert redirection(run("dev", [*HOST, *provider, "openWebui.publicScheme=https", own])) == (
        "https://chat.example.com/other"
    )
    # A cookie of the host where the sign-in began holds its state.
    several = run(
        "dev", [*HOST, *provider, "openWebui.publicScheme=https", "openWebui.additionalHosts[0]=b.example.com"]
    )
    assert redirection(several) is None
