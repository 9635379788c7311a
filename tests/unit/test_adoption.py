"""The objects of a cluster that a stack can adopt, and the obstacles to it."""

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

import pytest
from kubernetes import client

from stackctl.adopt import plan
from stackctl.adopt.objects import Objects
from stackctl.adopt.plan import Resource
from terminal.errors import LocalError

URN = "urn:pulumi:dev::open-webui-stack"


def resource(inputs: Mapping[str, Any], name: str = "", kind: str = "kubernetes:any") -> Resource:
    name = name or inputs["metadata"]["name"]
    return Resource(urn=f"{URN}::{name}", type=kind, parent="", provider="", inputs=inputs, is_new=True)


def item(kind: str, name: str, **spec: Any) -> dict[str, Any]:
    return {"kind": kind, "metadata": {"name": name, "namespace": "rag-system"}, "spec": spec}


def workload(kind: str, name: str, app: str, image: str = "web:v0.12.4-slim", **spec: Any) -> dict[str, Any]:
    template = {"metadata": {"labels": {"app": app}}, "spec": {"containers": [{"image": image}], **spec}}
    return item(kind, name, selector={"matchLabels": {"app": app}}, template=template)


def secret(name: str, **values: str) -> dict[str, Any]:
    return {**item("Secret", name), "stringData": values}


def password(name: str) -> Resource:
    return resource({"length": 32}, name=name, kind="random:index/randomPassword:RandomPassword")


WEB = workload("Deployment", "open-webui", "open-webui")
URL = "postgresql://ragsystemuser:rag322wq@postgres:5432/ragsystemdb"
DATABASE = secret("postgresql-secret", **{"database-url": URL})
SERVICE = item("Service", "postgres", selector={"app": "postgres"})
CLAIM = item("PersistentVolumeClaim", "postgres-data", resources={"requests": {"storage": "10Gi"}})
CLAIM["metadata"]["labels"] = {"app.kubernetes.io/part-of": "open-webui-stack"}


def against(declared: list[dict[str, Any]], live: list[dict[str, Any]], others: list[dict[str, Any]]) -> list[str]:
    resources = [resource(each) for each in declared]
    live_objects = {resource(each).urn: each for each in live}
    workloads = [each for each in (*live, *others) if "template" in each["spec"]]
    return [f"{each.subject}: {each.why}" for each in plan.obstacles(resources, live_objects, workloads)]


def test_what_fits_is_taken_over() -> None:
    assert against([WEB, DATABASE, SERVICE, CLAIM], [WEB, DATABASE, SERVICE, CLAIM], []) == []


@pytest.mark.parametrize(
    ("live", "others", "reason"),
    [
        (
            [{**WEB, "spec": {**WEB["spec"], "selector": {"matchLabels": {"app": "x"}}}}, DATABASE],
            [],
            "it would be replaced",
        ),
        ([workload("Deployment", "open-webui", "open-webui", "web:v0.11.0"), DATABASE], [], "it runs version 0.11.0"),
        ([workload("Deployment", "open-webui", "open-webui", "web:main"), DATABASE], [], "its image does not name"),
        ([WEB], [], "there is no database URL in a Secret postgresql-secret"),
        ([secret("postgresql-secret", **{"database-url": "postgresql://u:p@db.example.com/d"})], [], "db.example.com"),
        (
            [{**CLAIM, "spec": {"resources": {"requests": {"storage": "20Gi"}}}}],
            [],
            "it has 20Gi, and a PVC cannot shrink",
        ),
        ([], [workload("Deployment", "postgres", "postgres", volumes=[{"emptyDir": {}}])], "in the pod itself"),
        (
            [],
            [workload("Deployment", "pg", "postgres", volumes=[{"persistentVolumeClaim": {"claimName": "pg"}}])],
            "in the PVC pg",
        ),
    ],
)
def test_what_stands_against_it(live: list[dict[str, Any]], others: list[dict[str, Any]], reason: str) -> None:
    [obstacle] = against([WEB, DATABASE, SERVICE, CLAIM], live, others)
    assert reason in obstacle


def test_what_is_being_deleted_is_not_taken_over() -> None:
    leaving = {**SERVICE, "metadata": {**SERVICE["metadata"], "deletionTimestamp": "2026-11-24T08:00:00Z"}}
    [obstacle] = against([SERVICE], [leaving], [])
    assert obstacle == "Service/postgres: it is being deleted"


def test_claims_made_from_templates_are_not_the_stacks() -> None:
    declared = workload("StatefulSet", "postgres", "postgres")
    live = workload("StatefulSet", "postgres", "postgres")
    live["spec"]["volumeClaimTemplates"] = [{"metadata": {"name": "data"}}]
    [obstacle] = against([declared], [live], [])
    assert "PVCs from volumeClaimTemplates (data)" in obstacle


def test_a_claim_left_by_another_database_is_not_taken_over() -> None:
    [obstacle] = against([CLAIM], [{**CLAIM, "metadata": {"name": "postgres-data"}}], [])
    assert "this stack did not create it" in obstacle


def test_passwords_in_use_take_the_place_of_the_highest_generated_ones() -> None:
    names = ("postgresql-password-1", "postgresql-password-2", "redis-password-1", "openwebui-secret-key-1")
    live = [DATABASE, secret("openwebui-secret", **{"secret-key": "k0123"})]
    live.append(secret("redis-config", **{"cache-url": "redis://openwebui:abc@redis-service:6379/0"}))
    passwords = plan.passwords([password(name) for name in names], {each["metadata"]["name"]: each for each in live})
    assert {urn.rpartition("::")[2]: value for urn, value in passwords.items()} == {
        "postgresql-password-2": "rag322wq",
        "openwebui-secret-key-1": "k0123",
        "redis-password-1": "abc",
    }


@pytest.mark.parametrize(
    ("rotation", "user", "adopted"),
    [
        (1, "ragsystemapp_1", True),
        (2, "ragsystemapp_2", True),
        (2, "ragsystemapp_1", False),
        (1, "ragsystemuser", False),
    ],
)
def test_the_application_keeps_the_password_of_the_role_that_the_config_names(
    rotation: int, user: str, adopted: bool
) -> None:
    generated = [password(f"postgresql-client-password-{number}") for number in range(1, rotation + 1)]
    live = secret("postgresql-secret", **{"client-url": f"postgresql://{user}:abc@postgres:5432/ragsystemdb?x=1"})
    passwords = plan.passwords([*generated, password("postgresql-backup-password-1")], {"any": live})
    expected = {f"postgresql-client-password-{rotation}": "abc"} if adopted else {}
    assert {urn.rpartition("::")[2]: value for urn, value in passwords.items()} == expected


@pytest.mark.parametrize(
    ("name", "key", "url"),
    [
        ("redis-config", "cache-url", "redis://redis-service:6379/0"),
        ("redis-config", "cache-url", "redis://somebody:abc@redis-service:6379/0"),
        ("postgresql-secret", "database-url", "postgresql://u:a%40b@postgres/d"),
        ("postgresql-secret", "database-url", "postgresql://u:a%C3%BCb@postgres/d"),
    ],
)
def test_passwords_that_the_stack_could_not_use_are_left_out(name: str, key: str, url: str) -> None:
    generated = [password("redis-password-1"), password("postgresql-password-1")]
    secrets = {"any": secret(name, **{key: url})}
    assert plan.passwords(generated, secrets) == {}
    assert plan.left_out(generated, secrets) == (["postgresql-password-1"] if name == "postgresql-secret" else [])


@pytest.mark.parametrize(
    ("contents", "kept"),
    [
        ({"secret-key": "signing/key"}, ["signing/key"]),
        ({"secret-key": "second", "oauth-session-token-encryption-key": "first"}, ["first"]),
        ({}, []),
    ],
)
def test_the_key_of_encrypted_data_is_the_one_it_was_encrypted_with(contents: dict[str, str], kept: list[str]) -> None:
    stash = resource({}, name="openwebui-encryption-key", kind="pulumi:index:Stash")
    keys = plan.encryption_key(
        [password("openwebui-secret-key-1"), stash], {"u": secret("openwebui-secret", **contents)}
    )
    assert list(keys.values()) == kept
    assert set(keys) <= {stash.urn}
    assert not plan.is_component(stash)


class Answering:
    """A client of an API server that has one Secret, or no answer."""

    def __init__(self, status: int | None) -> None:
        self.resources = SimpleNamespace(get=lambda **_: None)
        self._status = status

    def patch(self, _kind: object, *, body: Any, **_: object) -> None:
        self._answer()
        self.patched = body

    def _answer(self) -> None:
        if self._status:
            raise client.ApiException(status=self._status, reason="because")

    def get(self, _kind: object, **_: object) -> Any:
        self._answer()
        data = {"secret-key": "a2V5", "keystore": "/+7/"}
        return SimpleNamespace(to_dict=lambda: {"kind": "Secret", "metadata": {"name": "s"}, "data": data})


def cluster_that(status: int | None) -> Any:
    """The objects of a cluster that is not there to connect to."""
    objects: Any = Objects.__new__(Objects)
    objects._api = Answering(status)
    return objects


def test_what_the_cluster_does_not_tell_is_not_taken_for_absent() -> None:
    """Half a deployment in the state is worse than none: the next update would meet the other half."""
    declared = [resource({**item("Secret", "s"), "apiVersion": "v1"})]
    assert cluster_that(404).matching(declared) == {}
    for status in (403, 500):
        with pytest.raises(LocalError, match="Secret/s cannot be read: because"):
            cluster_that(status).matching(declared)


def test_what_the_cluster_refuses_is_told_before_anything_is_taken_over() -> None:
    live = {**workload("Deployment", "redis", "redis"), "apiVersion": "apps/v1"}
    live["spec"]["strategy"] = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "25%"}}
    for name, argument in (("make_recreate", live), ("workloads", "rag-system")):
        with pytest.raises(LocalError, match=r"nothing was adopted: .*403 because"):
            getattr(cluster_that(403), name)(argument)
    assert live["spec"]["strategy"]["type"] == "RollingUpdate"
    objects = cluster_that(None)
    objects.make_recreate(live)
    assert objects._api.patched == {"spec": {"strategy": {"type": "Recreate", "rollingUpdate": None}}}
    assert live["spec"]["strategy"] == {"type": "Recreate"}


def test_what_is_no_text_in_a_secret_does_not_stop_it() -> None:
    [adopted] = cluster_that(None).matching([resource({**item("Secret", "s"), "apiVersion": "v1"})]).values()
    assert adopted["stringData"]["secret-key"] == "key"


def test_own_fields_are_those_the_stack_gives_a_value_to() -> None:
    live = {"a": 1, "filled-in": 2, "b": {"c": 3, "filled-in": 4}, "d": [{"e": 5, "filled-in": 6}], "f": [1, 2]}
    declared = {"a": 9, "b": {"c": 9, "new": 9}, "d": [{"e": 9}], "f": [9]}
    assert plan.own_fields(live, declared) == {"a": 1, "b": {"c": 3}, "d": [{"e": 5}], "f": [1, 2]}


@pytest.mark.parametrize(("now", "becomes"), [("RollingUpdate", True), ("Recreate", False)])
def test_a_deployment_that_is_to_end_its_pods_first(now: str, becomes: bool) -> None:
    declared = resource(item("Deployment", "redis", strategy={"type": "Recreate"}))
    assert plan.becomes_recreate(declared, item("Deployment", "redis", strategy={"type": now})) is becomes
    assert not plan.becomes_recreate(resource(SERVICE), SERVICE)
