"""What NetworkPolicies mean as rules of a node's firewall. That packets follow them is a test on a real node."""

import subprocess
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

import pytest
from kubernetes import client

from devcluster.node.network_policy import enforcement
from devcluster.node.network_policy.model import Cluster, Pod, peer_pods
from devcluster.node.network_policy.rules import ruleset

WEB = Pod(namespace="app", name="web", address="198.18.0.2", labels={"app": "web"}, ports={("TCP", "http"): 8080})
REDIS = Pod(
    namespace="app",
    name="redis",
    address="198.18.0.3",
    labels={"app": "redis"},
    ports={("TCP", "redis"): 6379, ("UDP", "redis"): 1},
)
DNS = Pod(namespace="kube-system", name="dns", address="198.18.0.4", labels={"k8s-app": "kube-dns"}, ports={})
NAMESPACES = {"app": {"kubernetes.io/metadata.name": "app"}, "kube-system": {"role": "system"}}


def policy(spec: Mapping[str, Any]) -> dict[str, Any]:
    return {"metadata": {"namespace": "app", "name": "policy"}, "spec": spec}


def rules(*specs: Mapping[str, Any]) -> dict[str, list[str]]:
    """The lines of each chain."""
    cluster = Cluster(pods=(WEB, REDIS, DNS), namespaces=NAMESPACES, policies=tuple(map(policy, specs)))
    chains: dict[str, list[str]] = {}
    name = ""
    for line in ruleset(cluster, pod_network="198.18.0.0/20", machine_address="198.18.32.1").splitlines():
        text = line.strip()
        if text.startswith("chain "):
            name = text.removeprefix("chain ").removesuffix(" {")
            chains[name] = []
        elif name and text not in ("}", ""):
            chains[name].append(text)
    return chains


def test_without_policies_everybody_reaches_everybody() -> None:
    assert list(rules()) == ["forward"]
    assert not any("jump" in line for line in rules()["forward"])


def test_an_empty_selector_isolates_every_pod_of_its_namespace_and_no_other() -> None:
    actual = rules({"podSelector": {}, "policyTypes": ["Ingress", "Egress"]})
    chains = [f"{way}-198-18-0-{pod}" for way in ("egress", "ingress") for pod in (2, 3)]
    assert sorted(actual) == sorted([*chains, "forward"])
    assert all(actual[chain] == ["drop"] for chain in chains)


def test_rules_are_asked_after_those_of_kube_proxy() -> None:
    assert "hook forward priority filter + 10;" in rules()["forward"][0]


def test_open_connections_continue_and_an_unknown_pod_reaches_no_pod() -> None:
    forward = rules({"podSelector": {}})["forward"]
    assert forward[1] == "ct state established,related accept"
    assert forward[3] == "ip saddr 198.18.0.0/20 ip saddr != { 198.18.0.2, 198.18.0.3, 198.18.0.4 } drop"


def ingress(**rule: Any) -> list[str]:
    spec = {"podSelector": {"matchLabels": {"app": "redis"}}, "policyTypes": ["Ingress"], "ingress": [rule]}
    return rules(spec)["ingress-198-18-0-3"]


def egress(**rule: Any) -> list[str]:
    spec = {"podSelector": {"matchLabels": {"app": "web"}}, "policyTypes": ["Egress"], "egress": [rule]}
    return rules(spec)["egress-198-18-0-2"]


PORT_OF_REDIS = {"protocol": "TCP", "port": 6379}
TO_WEB = [{"podSelector": {"matchLabels": {"app": "web"}}}]
TO_REDIS = [{"podSelector": {"matchLabels": {"app": "redis"}}}]


@pytest.mark.parametrize(
    ("actual", "expected"),
    [
        (ingress(**{"from": TO_WEB}, ports=[PORT_OF_REDIS]), ["ip saddr 198.18.0.2 tcp dport 6379 return"]),
        (ingress(), ["return"]),
        (ingress(ports=[PORT_OF_REDIS]), ["tcp dport 6379 return"]),
        (ingress(ports=[{"port": 100, "endPort": 200}]), ["tcp dport 100-200 return"]),
        (ingress(ports=[{"protocol": "UDP"}]), ["ip protocol udp return"]),
        # A name is a port of the pod that is connected to, by protocol.
        (ingress(ports=[{"port": "redis"}]), ["tcp dport 6379 return"]),
        (ingress(ports=[{"port": "http"}]), []),
        (egress(to=TO_REDIS, ports=[{"port": "redis"}]), ["ip daddr 198.18.0.3 tcp dport 6379 return"]),
        (egress(ports=[{"port": "redis"}]), []),
        (
            egress(to=[{"ipBlock": {"cidr": "0.0.0.0/0", "except": ["10.0.0.0/8"]}}]),
            ["ip daddr 0.0.0.0/0 ip daddr != 10.0.0.0/8 return"],
        ),
        (egress(to=[{"ipBlock": {"cidr": "::/0"}}]), []),
        (
            egress(
                to=[{"namespaceSelector": {"matchLabels": {"role": "system"}}}], ports=[{"protocol": "UDP", "port": 53}]
            ),
            ["ip daddr 198.18.0.4 udp dport 53 return"],
        ),
        (egress(to=[{"podSelector": {"matchLabels": {"k8s-app": "kube-dns"}}}]), []),
    ],
)
def test_rules_of_a_policy(actual: list[str], expected: list[str]) -> None:
    assert actual == [*expected, "drop"]


def test_policies_add_up() -> None:
    one = {"podSelector": {"matchLabels": {"app": "redis"}}, "ingress": [{"ports": [{"port": 1}]}]}
    other = {"podSelector": {}, "ingress": [{"ports": [{"port": 2}]}]}
    assert rules(one, other)["ingress-198-18-0-3"] == ["tcp dport 1 return", "tcp dport 2 return", "drop"]


def test_an_empty_namespace_selector_means_all_namespaces() -> None:
    cluster = Cluster(pods=(WEB, DNS), namespaces=NAMESPACES, policies=())
    assert peer_pods({"namespaceSelector": {}}, "app", cluster) == [WEB, DNS]
    assert peer_pods({"podSelector": {}}, "app", cluster) == [WEB]


def test_rules_that_could_not_be_loaded_are_loaded_again(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    loaded: list[str] = []

    def nft(command: list[str], *, input: str, **_: Any) -> None:
        assert command[0] == "nft"
        loaded.append(input)
        if len(loaded) == 1:
            raise subprocess.CalledProcessError(1, command)
        raise SystemExit

    cluster = Cluster(pods=(WEB,), namespaces=NAMESPACES, policies=())
    monkeypatch.setattr(subprocess, "run", nft)
    monkeypatch.setattr(enforcement, "read", lambda _: cluster)
    monkeypatch.setattr(enforcement, "Watcher", lambda *_: SimpleNamespace(start=lambda: None))
    monkeypatch.setattr(enforcement, "_AGAIN_SECONDS", 0)
    layout: Any = SimpleNamespace(pods="198.18.0.0/20", machine_address="198.18.32.1")
    with pytest.raises(SystemExit):
        enforcement.run(client.ApiClient(), layout)
    assert loaded[0] == loaded[1]
    assert "could not be loaded" in capsys.readouterr().out
