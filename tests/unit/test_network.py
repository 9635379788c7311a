"""A namespace that denies all traffic, and the network policy rules of the diagram."""

import ipaddress

import pytest
from pulumi_kubernetes.networking.v1 import NetworkPolicyEgressRuleArgsDict

from components.blocks.destinations import destination_of_url
from components.blocks.egress import PRIVATE_RANGES, PRIVATE_RANGES_6, egress_rules
from stack_config.load import ConfigError
from tests.support.unit.recording import Recording, run


def egress_to(urls: list[str], own_namespace: str) -> list[NetworkPolicyEgressRuleArgsDict]:
    return egress_rules(filter(None, map(destination_of_url, urls)), own_namespace)


def test_everything_is_denied_but_dns(recording: Recording) -> None:
    spec = recording.one("NetworkPolicy", "default-deny").inputs["spec"]
    assert spec["podSelector"] == {}
    assert spec["policyTypes"] == ["Ingress", "Egress"]
    assert not spec["ingress"]
    [rule] = spec["egress"]
    assert {port["port"] for port in rule["ports"]} == {53}


@pytest.mark.parametrize(
    ("environment", "server", "port", "clients"),
    [
        ("dev", "redis", 6379, ["open-webui"]),
        ("dev", "postgres", 5432, ["open-webui", "open-webui-preflight"]),
        ("prod", "redis", 6379, ["open-webui"]),
        ("prod", "postgres", 5432, ["open-webui", "open-webui-preflight", "postgres-backup"]),
    ],
)
def test_only_open_webui_and_the_backups_reach_the_servers(
    recordings: dict[str, Recording], environment: str, server: str, port: int, clients: list[str]
) -> None:
    spec = recordings[environment].one("NetworkPolicy", server).inputs["spec"]
    assert spec["podSelector"] == {"matchLabels": {"app": server}}
    assert spec["ingress"] == [
        {
            "from": [{"podSelector": {"matchLabels": {"app": client}}} for client in clients],
            "ports": [{"protocol": "TCP", "port": port}],
        }
    ]
    assert not spec["egress"]


def test_a_connection_is_allowed_at_both_ends(recording: Recording) -> None:
    egress = recording.one("NetworkPolicy", "open-webui").inputs["spec"]["egress"]
    reached = {(rule["to"][0]["podSelector"]["matchLabels"]["app"], rule["ports"][0]["port"]) for rule in egress}
    assert reached == {("redis", 6379), ("postgres", 5432), ("tika", 9998)}


def test_without_an_ingress_no_client_gets_in(dev: Recording) -> None:
    assert not dev.one("NetworkPolicy", "open-webui").inputs["spec"]["ingress"]


def test_with_an_ingress_only_its_controller_gets_in(prod: Recording) -> None:
    [rule] = prod.one("NetworkPolicy", "open-webui").inputs["spec"]["ingress"]
    assert rule["from"] == [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "traefik"}}}]
    assert rule["ports"] == [{"protocol": "TCP", "port": 8080}]


def test_metrics_are_for_prometheus_alone() -> None:
    recording = run("dev", ["monitoring.enabled=true", "monitoring.namespace=observability"])
    rules = recording.one("NetworkPolicy", "redis").inputs["spec"]["ingress"]
    [metrics] = [rule for rule in rules if rule["ports"][0]["port"] == 9121]
    assert metrics["from"] == [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "observability"}}}]


@pytest.mark.parametrize(
    ("url", "peers", "ports"),
    [
        (
            "https://api.openai.com/v1",
            [
                {"ip_block": {"cidr": "0.0.0.0/0", "except_": PRIVATE_RANGES}},
                {"ip_block": {"cidr": "::/0", "except_": PRIVATE_RANGES_6}},
            ],
            [{"protocol": "TCP", "port": 443}],
        ),
        ("http://10.1.2.3:8000/v1", [{"ip_block": {"cidr": "10.1.2.3/32"}}], [{"protocol": "TCP", "port": 8000}]),
        ("http://[fd00::1]:8000", [{"ip_block": {"cidr": "fd00::1/128"}}], [{"protocol": "TCP", "port": 8000}]),
        (
            "http://ollama:11434",
            [{"namespace_selector": {"match_labels": {"kubernetes.io/metadata.name": "here"}}}],
            None,
        ),
        (
            "http://ollama.models.svc:11434",
            [{"namespace_selector": {"match_labels": {"kubernetes.io/metadata.name": "models"}}}],
            None,
        ),
        (
            "http://ollama.models.svc.cluster.local:11434",
            [{"namespace_selector": {"match_labels": {"kubernetes.io/metadata.name": "models"}}}],
            None,
        ),
        (
            "http://ollama.models.svc.cluster.example:11434",
            [{"namespace_selector": {"match_labels": {"kubernetes.io/metadata.name": "models"}}}],
            None,
        ),
        (
            "http://ollama-0.ollama.models.svc.cluster.local:11434",
            [{"namespace_selector": {"match_labels": {"kubernetes.io/metadata.name": "models"}}}],
            None,
        ),
    ],
)
def test_the_way_to_a_model_service_is_open(url: str, peers: object, ports: object) -> None:
    [rule] = egress_to([url], "here")
    assert rule["to"] == peers
    assert rule.get("ports") == ports


def test_the_same_service_twice_is_one_rule() -> None:
    assert len(egress_to(["https://a.example.com", "https://b.example.com", "http://c.example.com"], "here")) == 2


def test_a_name_of_two_labels_is_a_service_as_well_unless_it_has_tls() -> None:
    public, inside = egress_to(["http://ollama.models:11434"], "here")
    assert public["ports"] == [{"protocol": "TCP", "port": 11434}]
    assert inside == {"to": [{"namespace_selector": {"match_labels": {"kubernetes.io/metadata.name": "models"}}}]}
    assert len(egress_to(["https://openrouter.ai/api/v1"], "here")) == 1


@pytest.mark.parametrize(
    "url", ["http://localhost:11434", "http://127.0.0.1:9099", "http://[::1]:80", "http://gpu.lan"]
)
def test_what_needs_no_rule_or_can_have_none_opens_nothing(url: str) -> None:
    assert egress_to([url], "here") == []


def test_a_port_of_a_namespace_is_that_of_its_pods() -> None:
    recording = run("dev", ["openWebui.egress[0]=ollama.models.svc:11434", "openWebui.egress[1]=llm.example.com:8443"])
    *_, service, public = recording.one("NetworkPolicy", "open-webui").inputs["spec"]["egress"]
    assert service == {
        "to": [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "models"}}}],
        "ports": [{"protocol": "TCP", "port": 11434}],
    }
    assert public["to"][0]["ipBlock"] == {"cidr": "0.0.0.0/0", "except": PRIVATE_RANGES}
    assert public["ports"] == [{"protocol": "TCP", "port": 8443}]


def test_a_service_in_the_environment_gets_an_egress_rule() -> None:
    recording = run("dev", ["openWebui.env.SEARXNG_QUERY_URL=https://search.example.com"])
    *_, rule = recording.one("NetworkPolicy", "open-webui").inputs["spec"]["egress"]
    assert rule["to"][0]["ipBlock"]["cidr"] == "0.0.0.0/0"
    assert rule["ports"] == [{"protocol": "TCP", "port": 443}]


def test_a_private_name_is_reached_by_its_addresses() -> None:
    sets = ["openWebui.ollamaBaseUrl=http://gpu.lan:11434", "openWebui.egress[0]=10.20.0.0/16:11434"]
    *_, rule = run("dev", sets).one("NetworkPolicy", "open-webui").inputs["spec"]["egress"]
    assert rule["to"] == [{"ipBlock": {"cidr": "10.20.0.0/16"}}]


def test_no_private_address_is_public() -> None:
    closed = [ipaddress.ip_network(network) for network in (*PRIVATE_RANGES, *PRIVATE_RANGES_6)]
    for address in ("10.1.2.3", "169.254.169.254", "192.168.0.1", "fd00:ec2::254", "fe80::1", "::1"):
        assert any(ipaddress.ip_address(address) in network for network in closed), address


@pytest.mark.parametrize(
    ("endpoint", "cidr", "port"),
    [((), "0.0.0.0/0", 443), (("openWebui.uploads.s3.endpointUrl=http://10.3.2.1:9000",), "10.3.2.1/32", 9000)],
)
def test_the_way_to_the_bucket_is_open(endpoint: tuple[str, ...], cidr: str, port: int) -> None:
    bucket = ("openWebui.uploads.kind=s3", "openWebui.uploads.s3.bucketName=uploads")
    recording = run("dev", [*bucket, *endpoint], {"s3AccessKeyId": "a", "s3SecretAccessKey": "b"})
    *_, rule = recording.one("NetworkPolicy", "open-webui").inputs["spec"]["egress"]
    assert rule["to"][0]["ipBlock"]["cidr"] == cidr
    assert rule["ports"] == [{"protocol": "TCP", "port": port}]


def test_an_external_redis_with_a_private_name_needs_its_addresses() -> None:
    redis = ["redis.topology=external", "redis.external.hosts=cache.corp"]
    secrets = {"redisCacheUrl": "redis://cache.corp:6379/0"}
    with pytest.raises(ConfigError, match=r"openWebui\.egress: .*cache\.corp:6379 \(redis\.external\.hosts\)"):
        run("dev", redis, secrets)
    [*_, rule] = (
        run("dev", [*redis, "openWebui.egress[0]=10.20.0.0/16:6379"], secrets)
        .one("NetworkPolicy", "open-webui")
        .inputs["spec"]["egress"]
    )
    assert rule["to"] == [{"ipBlock": {"cidr": "10.20.0.0/16"}}]
