"""What the further clients of Redis and PostgreSQL do."""

from collections.abc import Callable

from tests.support.unit.effects import Effect
from tests.support.unit.recording import Recording


def _last_peer(policy: str) -> Callable[[Recording], object]:
    return lambda recording: recording.one("NetworkPolicy", policy).inputs["spec"]["ingress"][0]["from"][-1]


def _effects(server: str, policy: str) -> dict[str, Effect]:
    namespace = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "analytics"}}}
    return {
        f"{server}.clients[].namespace": Effect(
            value="analytics",
            sets=(f"{server}.clients[0].podLabels.team=data",),
            shows=_last_peer(policy),
            expected={**namespace, "podSelector": {"matchLabels": {"team": "data"}}},
        ),
        f"{server}.clients[].podLabels": Effect(
            value="",
            sets=(f"{server}.clients[0].podLabels.app=reports",),
            shows=_last_peer(policy),
            expected={"podSelector": {"matchLabels": {"app": "reports"}}},
        ),
    }


EFFECTS: dict[str, Effect] = {**_effects("redis", "redis"), **_effects("postgresql", "postgres")}
