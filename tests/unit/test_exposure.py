"""Network policy rules of the web pods, and the settings that follow from the public URL."""

from typing import Any

import pytest

from policy.rules import RULES
from policy.rules.network import ALLOW_EXPOSURE
from policy.rules.rule import Context, findings
from stack_config.files import read_stack
from stackctl.render.manifests import planned_objects
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


def test_a_cookie_of_ingress_nginx_changes_if_its_replica_cannot_be_reached() -> None:
    recording = run("dev", [*INGRESS, "openWebui.ingress.className=nginx", "openWebui.ingress.stickySessions=true"])
    changes = recording.one("Ingress").inputs["metadata"]["annotations"]
    assert changes["nginx.ingress.kubernetes.io/session-cookie-change-on-failure"] == "true"


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
    provider = ["openWebui.env.FEISHU_CLIENT_ID=web"]
    redirection = variable("FEISHU_REDIRECT_URI")
    recording = run("dev", [*HOST, *provider, "openWebui.publicScheme=https"])
    assert redirection(recording) == "https://chat.example.com/oauth/feishu/callback"
    assert redirection(run("dev", [*HOST, *provider])) is None
    own = "openWebui.env.FEISHU_REDIRECT_URI=https://chat.example.com/other"
    assert redirection(run("dev", [*HOST, *provider, "openWebui.publicScheme=https", own])) == (
        "https://chat.example.com/other"
    )
    # A cookie of the host where the sign-in began holds its state.
    several = run(
        "dev", [*HOST, *provider, "openWebui.publicScheme=https", "openWebui.additionalHosts[0]=b.example.com"]
    )
    assert redirection(several) is None


GATEWAY = (*HOST, "openWebui.gateway.enabled=true")


@pytest.mark.parametrize(
    ("sets", "expected"),
    [
        (
            ["className=nginx"],
            {
                "nginx.ingress.kubernetes.io/proxy-read-timeout": "3600",
                "nginx.ingress.kubernetes.io/proxy-send-timeout": "3600",
                "nginx.ingress.kubernetes.io/proxy-body-size": "100m",
            },
        ),
        (
            ["className=nginx", "controllerNamespace=nginx-ingress", "maxBodySize=1536Ki", "timeoutSeconds=900"],
            {
                "nginx.org/websocket-services": "open-webui",
                "nginx.org/proxy-buffering": "False",
                "nginx.org/proxy-connect-timeout": "5s",
                "nginx.org/proxy-read-timeout": "900s",
                "nginx.org/proxy-send-timeout": "900s",
                "nginx.org/client-max-body-size": "2m",
            },
        ),
        (
            ["className=haproxy"],
            {
                "haproxy.org/timeout-server": "3600s",
                "haproxy.org/backend-config-snippet": "option redispatch 1",
            },
        ),
        (["className=openshift-default"], {"haproxy.router.openshift.io/timeout": "3600s"}),
        (["className=traefik"], {}),
        # Without it https answers 404 and http 200, at entry points without TLS of their own.
        (["className=traefik", "tlsSecretName=tls"], {"traefik.ingress.kubernetes.io/router.tls": "true"}),
    ],
)
def test_a_controller_gets_the_annotations_for_websockets_and_uploads(
    sets: list[str], expected: dict[str, str]
) -> None:
    recording = run("dev", [*INGRESS, *(f"openWebui.ingress.{each}" for each in sets)])
    actual = recording.one("Ingress").inputs["metadata"]["annotations"]
    assert actual == {**expected, "pulumi.com/skipAwait": "true"}


@pytest.mark.parametrize(("file", "body"), [("50", "100m"), ("99", "100m"), ("250", "251m")])
def test_the_body_has_room_for_the_largest_file(file: str, body: str) -> None:
    sets = [*INGRESS, "openWebui.ingress.className=nginx", f"openWebui.env.RAG_FILE_MAX_SIZE={file}"]
    annotations = run("dev", sets).one("Ingress").inputs["metadata"]["annotations"]
    assert annotations["nginx.ingress.kubernetes.io/proxy-body-size"] == body


@pytest.mark.parametrize(
    ("class_name", "redirect", "name", "value"),
    [
        ("nginx", "false", "nginx.ingress.kubernetes.io/ssl-redirect", "false"),
        ("haproxy", "true", "haproxy.org/ssl-redirect", "true"),
        ("haproxy", "false", "haproxy.org/ssl-redirect", "false"),
    ],
)
def test_a_redirect_is_an_annotation(class_name: str, redirect: str, name: str, value: str) -> None:
    tls = ["openWebui.ingress.tlsSecretName=tls", f"openWebui.ingress.redirectToHttps={redirect}"]
    recording = run("dev", [*INGRESS, f"openWebui.ingress.className={class_name}", *tls])
    assert recording.one("Ingress").inputs["metadata"]["annotations"][name] == value


def test_a_certificate_of_cert_manager_is_written_into_the_secret_of_the_ingress() -> None:
    recording = run("dev", [*INGRESS, "openWebui.ingress.className=traefik", "openWebui.ingress.issuer.name=acme"])
    assert recording.one("Ingress").inputs["spec"]["tls"] == [
        {"hosts": ["chat.example.com"], "secretName": "open-webui-tls"}
    ]
    assert recording.outputs["webui_url"][0] == "https://chat.example.com"


def test_a_retired_controller_is_a_warning() -> None:
    [retired] = [
        text for text in run("dev", [*INGRESS, "openWebui.ingress.className=nginx"]).warnings if "nginx" in text
    ]
    assert "retired" in retired
    supported = run("dev", [*INGRESS, "openWebui.ingress.className=traefik"]).warnings
    assert not [text for text in supported if "retired" in text]


def test_a_route_is_for_an_existing_gateway_and_its_pods_may_connect() -> None:
    existing = ["parentRef.name=public", "parentRef.namespace=gateways", "controller=istio"]
    recording = run("dev", [*GATEWAY, *(f"openWebui.gateway.{each}" for each in existing)])
    assert [each.name for each in recording.objects if each.kind in ("HTTPRoute", "Gateway")] == ["open-webui"]
    assert recording.one("HTTPRoute").inputs["spec"] == {
        "parentRefs": [{"name": "public", "namespace": "gateways"}],
        "hostnames": ["chat.example.com"],
        "rules": [
            {
                "matches": [{"path": {"type": "PathPrefix", "value": "/"}}],
                "backendRefs": [{"name": "open-webui", "port": 80}],
                "timeouts": {"request": "0s"},
            }
        ],
    }
    [rule] = ingress_rules(recording)
    assert rule["from"] == [
        {
            "namespaceSelector": {"matchLabels": {NAME: "gateways"}},
            "podSelector": {"matchLabels": {"gateway.networking.k8s.io/gateway-name": "public"}},
        }
    ]


def test_a_gateway_of_the_stack_has_an_https_listener_for_each_host_and_redirects_http() -> None:
    sets = [*GATEWAY, "openWebui.gateway.className=traefik", "openWebui.gateway.tlsSecretName=tls"]
    recording = run("dev", [*sets, "openWebui.additionalHosts[0]=chat.example.org", "openWebui.publicPort=8443"])
    listeners = recording.one("Gateway").inputs["spec"]["listeners"]
    assert [(each["name"], each["port"], each.get("hostname")) for each in listeners] == [
        ("http", 8000, None),
        ("https", 8443, "chat.example.com"),
        ("https-1", 8443, "chat.example.org"),
    ]
    route, redirect = (
        recording.one("HTTPRoute", name).inputs["spec"] for name in ("open-webui", "open-webui-redirect")
    )
    assert [each["sectionName"] for each in route["parentRefs"]] == ["https", "https-1"]
    assert [each["sectionName"] for each in redirect["parentRefs"]] == ["http"]
    assert redirect["rules"] == [
        {
            "filters": [
                {
                    "type": "RequestRedirect",
                    "requestRedirect": {"scheme": "https", "statusCode": 301, "port": 8443},
                }
            ]
        }
    ]
    assert recording.outputs["webui_url"][0] == "https://chat.example.com:8443"


@pytest.mark.parametrize(("class_name", "ports"), [("eg", [80, 443]), ("traefik", [8000, 8443])])
def test_the_listeners_have_the_ports_of_the_implementation(class_name: str, ports: list[int]) -> None:
    sets = [f"openWebui.gateway.className={class_name}", "openWebui.gateway.tlsSecretName=tls"]
    listeners = run("dev", [*GATEWAY, *sets]).one("Gateway").inputs["spec"]["listeners"]
    assert [each["port"] for each in listeners] == ports


def test_pulumi_waits_for_nothing_of_the_gateway_api() -> None:
    """The status of a route whose Gateway does not exist stays empty for ever."""
    recording = run("dev", [*GATEWAY, "openWebui.gateway.className=traefik", "openWebui.gateway.tlsSecretName=tls"])
    kinds = [each for each in recording.objects if each.kind in ("HTTPRoute", "Gateway")]
    assert len(kinds) == 3
    assert all(each.inputs["metadata"]["annotations"]["pulumi.com/skipAwait"] == "true" for each in kinds)


def test_the_front_ends_of_google_get_no_timeout_that_they_refuse() -> None:
    sets = ["openWebui.gateway.className=gke-l7-global-external-managed"]
    recording = run("dev", [*GATEWAY, *sets])
    assert "timeouts" not in recording.one("HTTPRoute").inputs["spec"]["rules"][0]


BALANCED = ("openWebui.loadBalancer.enabled=true",)


def test_a_load_balancer_is_a_service_beside_the_one_inside_the_cluster() -> None:
    sets = [*HOST, *BALANCED, "openWebui.publicScheme=https", "openWebui.loadBalancer.sourceRanges[0]=198.51.100.0/24"]
    recording = run("dev", sets)
    assert recording.one("Service", "open-webui").inputs["spec"]["type"] == "ClusterIP"
    balanced = recording.one("Service", "open-webui-load-balancer")
    assert balanced.inputs["spec"] == {
        "type": "LoadBalancer",
        "selector": {"app": "open-webui"},
        "ports": [{"name": "http", "port": 443, "targetPort": "http", "protocol": "TCP"}],
        "loadBalancerSourceRanges": ["198.51.100.0/24"],
        "externalTrafficPolicy": "Local",
    }
    assert balanced.inputs["metadata"]["annotations"] == {
        ALLOW_EXPOSURE: "openWebui.loadBalancer",
        "pulumi.com/skipAwait": "true",
    }
    assert ingress_rules(recording)[0]["from"] == [{"ipBlock": {"cidr": "198.51.100.0/24"}}]


@pytest.mark.parametrize(("sources", "is_open"), [("198.51.100.0/24", False), ("0.0.0.0/0", True)])
def test_only_a_load_balancer_for_everyone_opens_the_policy_to_every_address(sources: str, is_open: bool) -> None:
    recording = run("dev", [*BALANCED, f"openWebui.loadBalancer.sourceRanges[0]={sources}"])
    annotations = recording.one("NetworkPolicy", "open-webui").inputs["metadata"].get("annotations", {})
    assert (ALLOW_EXPOSURE in annotations) == is_open
    [rule] = ingress_rules(recording)
    assert rule["from"] == [{"ipBlock": {"cidr": sources}}]


def test_two_kinds_at_once_admit_both() -> None:
    """While DNS moves from an Ingress to a Gateway, both serve."""
    sets = [*INGRESS, "openWebui.ingress.className=nginx", "openWebui.gateway.enabled=true"]
    recording = run("dev", [*sets, "openWebui.gateway.className=traefik"])
    [rule] = ingress_rules(recording)
    names = [peer["namespaceSelector"]["matchLabels"][NAME] for peer in rule["from"]]
    assert names == ["ingress-nginx", "traefik"]


@pytest.mark.parametrize("sources", ["198.51.100.0/24", "0.0.0.0/0"])
def test_a_load_balancer_passes_the_policies(sources: str) -> None:
    config = read_stack("dev", ["kubeContext=any", *BALANCED, f"openWebui.loadBalancer.sourceRanges[0]={sources}"])
    objects = planned_objects(config, "dev")
    assert [str(each) for each in findings(RULES, objects, Context(production=False))] == []
