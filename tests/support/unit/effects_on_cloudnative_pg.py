"""What the keys of a cluster of CloudNativePG do."""

from typing import Any

from tests.support.unit.effects import Effect, inputs
from tests.support.unit.effects_on_archive import ON as BUCKET
from tests.support.unit.effects_on_archive import SECRETS
from tests.support.unit.recording import Recording

ON = ("postgresql.topology=cloudnative-pg", "postgresql.resources.limits.memory=3Gi")
POOLED = (*ON, "postgresql.pooler.enabled=true")
_SYNCHRONOUS = ("Cluster", "postgres", "spec", "postgresql", "synchronous")


def _policy(recording: Recording) -> Any:
    return recording.one("NetworkPolicy", "postgres").inputs["spec"]


EFFECTS: dict[str, Effect] = {
    "postgresql.cloudnativePg.instances": Effect(
        value="5", sets=ON, shows=inputs("Cluster", "postgres", "spec", "instances"), expected=5
    ),
    "postgresql.cloudnativePg.image": Effect(
        value="registry.example.com/postgresql:18.6-standard-trixie",
        sets=ON,
        shows=inputs("Cluster", "postgres", "spec", "imageName"),
        expected="registry.example.com/postgresql:18.6-standard-trixie",
    ),
    "postgresql.cloudnativePg.synchronous.replicas": Effect(
        value="2", sets=ON, shows=inputs(*_SYNCHRONOUS, "number"), expected=2
    ),
    "postgresql.cloudnativePg.synchronous.durability": Effect(
        value="preferred",
        sets=ON,
        shows=lambda r: tuple(inputs(*_SYNCHRONOUS, key)(r) for key in ("dataDurability", "failoverQuorum")),
        expected=("preferred", False),
    ),
    "postgresql.cloudnativePg.operatorNamespace": Effect(
        value="operators",
        sets=ON,
        shows=lambda r: _policy(r)["ingress"][2]["from"][0]["namespaceSelector"]["matchLabels"],
        expected={"kubernetes.io/metadata.name": "operators"},
    ),
    "postgresql.cloudnativePg.apiServer": Effect(
        value="",
        sets=(*ON, "postgresql.cloudnativePg.apiServer[0]=10.20.0.1:6443"),
        shows=lambda r: _policy(r)["egress"][1:],
        expected=[
            {"to": [{"ipBlock": {"cidr": "10.20.0.1/32"}}], "ports": [{"protocol": "TCP", "port": 6443}]},
        ],
    ),
    "postgresql.cloudnativePg.archiveName": Effect(
        value="chats",
        sets=(*ON, *BUCKET),
        secrets=SECRETS,
        shows=inputs("Cluster", "postgres", "spec", "plugins", 0, "parameters", "serverName"),
        expected="chats",
    ),
    "postgresql.cloudnativePg.recovery.archiveName": Effect(
        value="lost",
        sets=(*ON, *BUCKET),
        secrets=SECRETS,
        shows=inputs("Cluster", "postgres", "spec", "externalClusters", 0, "plugin", "parameters", "serverName"),
        expected="lost",
    ),
    "postgresql.cloudnativePg.recovery.targetTime": Effect(
        value="2026-11-29T12:34:56Z",
        sets=(*ON, *BUCKET, "postgresql.cloudnativePg.recovery.archiveName=lost"),
        secrets=SECRETS,
        shows=inputs("Cluster", "postgres", "spec", "bootstrap", "recovery", "recoveryTarget", "targetTime"),
        expected="2026-11-29T12:34:56Z",
    ),
}
