"""What the gate stops and what it lets through. The same on the real engine: tests/engine."""

from typing import Any

import pytest

from stackctl.gate.changes import Operation
from stackctl.gate.gate import ALLOWING
from stackctl.gate.model import PreviewError
from tests.support.unit.preview_steps import UNKNOWN_NUMBER, deployment, gate, parsed, same, step
from tests.support.unit.recording import Recording

GITHUB_LABEL = 50
"""Characters of a label on GitHub."""

GUARDED = {
    "kubernetes:core/v1:PersistentVolume::disk": "PersistentVolume/disk",
    "kubernetes:core/v1:PersistentVolumeClaim::data": "PersistentVolumeClaim/data",
    "kubernetes:apps/v1:StatefulSet::db": "StatefulSet/db",
    "kubernetes:postgresql.cnpg.io/v1:Cluster::postgres": "Cluster/postgres",
    "kubernetes:core/v1:Namespace::ns": "Namespace/ns",
    "random:index/randomPassword:RandomPassword::pw": "RandomPassword/pw",
    "random:index/randomBytes:RandomBytes::key": "RandomBytes/key",
    "pulumi:providers:kubernetes::cluster": "Provider/cluster",
    "pulumi:providers:kubernetes::default-cluster": "Provider/default-cluster",
}


@pytest.mark.parametrize("operation", ["replace", "delete"])
@pytest.mark.parametrize("qualified", GUARDED)
def test_what_cannot_be_made_again_is_stopped(qualified: str, operation: str) -> None:
    name = qualified.rpartition("::")[2]
    [finding] = gate(step(operation, qualified, replaceReasons=["spec.x"]))
    assert finding.resource == GUARDED[qualified]
    assert finding.label == f"allow-{operation}:prod/{name}"
    assert finding.cause == ("spec.x" if operation == "replace" else "no longer in the program")
    assert not finding.allowed
    [allowed] = gate(step(operation, qualified), labels=("bug", f"allow-{operation}:prod/{name}"))
    assert allowed.allowed


@pytest.mark.parametrize(
    "label",
    ["allow-delete:prod/data", "allow-replace:dev/data", "allow-replace:prod/other", "allow-replace:data", "data"],
)
def test_a_label_allows_one_thing_in_one_environment(label: str) -> None:
    [finding] = gate(step("replace", "kubernetes:core/v1:PersistentVolumeClaim::data"), labels=(label,))
    assert not finding.allowed


def test_pods_with_data_of_their_own_do_not_go_unnoticed() -> None:
    nodes = "kubernetes:apps/v1:StatefulSet::redis"
    eight, six = ({"spec": {"replicas": number}} for number in (8, 6))
    [finding] = gate(step("update", nodes, eight, six))
    assert finding.what.startswith("2 of its pods are removed")
    assert (finding.cause, finding.label) == ("spec.replicas (8 → 6)", "allow-delete:prod/redis")
    [allowed] = gate(step("update", nodes, eight, six), labels=("allow-delete:prod/redis",))
    assert allowed.allowed
    [finding] = gate(step("update", nodes, eight, {"spec": {}}))
    assert finding.what.startswith("7 of its pods are removed")
    [finding] = gate(step("update", nodes, eight, {"spec": {"replicas": UNKNOWN_NUMBER}}))
    assert finding.what.startswith("8 of its pods are removed")
    assert finding.cause == "spec.replicas"
    assert gate(step("update", nodes, six, eight)) == []
    assert gate(same(nodes, eight)) == []
    assert gate(step("update", "kubernetes:apps/v1:Deployment::redis", eight, six)) == []


@pytest.mark.parametrize(
    "harmless",
    [
        step("update", "kubernetes:core/v1:PersistentVolumeClaim::data"),
        step("create", "kubernetes:core/v1:Namespace::ns"),
        step("same", "kubernetes:apps/v1:StatefulSet::db"),
        step("replace", "kubernetes:core/v1:ConfigMap::conf"),
        step("replace", "kubernetes:batch/v1:Job::open-webui-preflight"),
        step("delete", "kubernetes:core/v1:Service::service"),
        step("delete", "pulumi:providers:kubernetes::default_4_21_4"),
        step("delete", "pulumi:providers:random::default_4_22_0_alpha_1"),
        step("delete", "pulumi:providers:random::default"),
        step("update", "pulumi:providers:kubernetes::cluster", {"context": "a"}, {"context": "a", "x": 1}),
        step(
            "update", "pulumi:providers:aws::cloud", {"context": "a", "cluster": "a"}, {"context": "b", "cluster": "b"}
        ),
        step("create", "kubernetes:apps/v1:StatefulSet::db", after={"spec": {"replicas": 0}}),
        step("replace", "random:index/randomPet:RandomPet::pet"),
    ],
)
def test_everything_else_is_let_through(harmless: dict[str, Any]) -> None:
    assert gate(harmless) == []


def test_a_default_provider_may_go_but_not_be_replaced() -> None:
    """Another version is another provider. The same one with another configuration takes its objects with it."""
    [finding] = gate(step("replace", "pulumi:providers:kubernetes::default_4_21_4"))
    assert finding.label == "allow-replace:prod/default_4_21_4"


@pytest.mark.parametrize("name", ["context", "cluster"])
def test_another_cluster_is_stopped(name: str) -> None:
    """The provider has a `cluster_identifier`: it is updated, and not one of its objects is in the preview."""
    provider = "pulumi:providers:kubernetes::cluster"
    [finding] = gate(step("update", provider, {name: "here"}, {name: "there"}), production=False)
    assert finding.label == "allow-cluster:prod/cluster"
    assert finding.cause == f"{name} (here → there)"
    assert gate(step("update", provider, {name: "here"}, {name: "there"}), labels=(str(finding.label),))[0].allowed


def stored(claim: str | None = "data", path: str = "/data", **mount: str) -> dict[str, Any]:
    """A StatefulSet with one volume."""
    state = deployment(kind="StatefulSet", replicas=1)
    source = {"emptyDir": {}} if claim is None else {"persistentVolumeClaim": {"claimName": claim}}
    state["spec"]["template"]["spec"] = {
        "volumes": [{"name": "volume", **source}],
        "containers": [{"name": "postgres", "volumeMounts": [{"name": "volume", "mountPath": path, **mount}]}],
    }
    return state


@pytest.mark.parametrize(
    ("after", "place"),
    [
        (stored(claim="other"), "/data"),
        (stored(claim=None), "/data"),
        (stored(path="/elsewhere"), "/data"),
        (stored(subPath="part"), "/data"),
        (deployment(kind="StatefulSet", replicas=1), "/data"),
    ],
)
def test_a_database_that_starts_empty_is_stopped(after: dict[str, Any], place: str) -> None:
    """The preview shows an update of the StatefulSet; the volume is none of it."""
    database = "kubernetes:apps/v1:StatefulSet::postgres"
    [finding] = gate(step("update", database, stored(), after), production=False)
    assert (finding.resource, finding.label) == ("StatefulSet/postgres", "allow-detach:prod/postgres")
    assert "starts without the data of the PVC data" in finding.what
    assert finding.cause == f"no longer mounted at {place}"
    [part] = gate(step("update", database, stored(subPath="a"), stored(subPath="b")), production=False)
    assert part.cause == "no longer mounted at /data (part a)"


def test_a_claim_that_goes_itself_is_one_finding() -> None:
    claim = {"metadata": {"name": "data"}}
    steps = [
        step("update", "kubernetes:apps/v1:StatefulSet::postgres", stored(), stored(claim=None)),
        step("delete", "kubernetes:core/v1:PersistentVolumeClaim::claim", claim),
    ]
    assert [finding.label for finding in gate(*steps)] == ["allow-delete:prod/claim"]
    read_only = stored()
    read_only["spec"]["template"]["spec"]["containers"][0]["volumeMounts"][0]["readOnly"] = True
    assert gate(step("update", "kubernetes:apps/v1:StatefulSet::postgres", stored(), read_only)) == []


def test_protection_that_is_taken_away_is_stopped_before_the_deletion_that_follows() -> None:
    protected = {"protect": True}
    names = ("Namespace::ns", "PersistentVolumeClaim::data")
    steps = [step("same", f"kubernetes:core/v1:{name}", {"a": 1}, {"a": 1}, old=protected) for name in names]
    [finding] = gate(*steps, production=False)
    assert finding.resource == "Namespace/ns, PersistentVolumeClaim/data"
    assert finding.label == "allow-unprotect:prod/stack"
    assert gate(*steps, labels=("allow-unprotect:prod/stack",))[0].allowed
    # A resource that is replaced in the same change has its own finding.
    [replaced] = gate(step("replace", "kubernetes:core/v1:PersistentVolumeClaim::data", old=protected))
    assert replaced.label == "allow-replace:prod/data"
    assert gate(step("same", "kubernetes:core/v1:Namespace::ns", old=protected, new=protected)) == []


@pytest.mark.parametrize(
    "others",
    [
        [step("delete", "kubernetes:core/v1:ConfigMap::data", {"metadata": {"name": "data"}})],
        [step("update", "kubernetes:core/v1:PersistentVolumeClaim::data", {"metadata": {"name": "data"}}, {"a": 1})],
    ],
)
def test_a_claim_that_stays_is_no_excuse(others: list[dict[str, Any]]) -> None:
    moved = step("update", "kubernetes:apps/v1:StatefulSet::postgres", stored(), stored(claim="other"))
    assert [finding.label for finding in gate(*others, moved)] == ["allow-detach:prod/postgres"]


def test_a_database_that_goes_as_a_whole_is_one_finding() -> None:
    deleted = step("delete", "kubernetes:apps/v1:StatefulSet::postgres", stored())
    assert [finding.label for finding in gate(deleted, production=False)] == ["allow-delete:prod/postgres"]
    assert gate(step("create", "kubernetes:apps/v1:StatefulSet::postgres", after=stored()), production=False) == []


def test_the_cause_where_the_engine_gives_none() -> None:
    """It gives none for `replace_on_changes`, nor for what is replaced with what it depends on."""
    claim = "kubernetes:core/v1:PersistentVolumeClaim::data"
    [message] = gate(step("replace", claim, {"spec": {"a": 1, "b": 1}}, {"spec": {"a": 2, "b": 2}}))
    assert message.cause == "spec.a, spec.b"
    [untold] = gate(step("replace", claim, {"spec": {"a": 1}}, {"spec": {"a": 1}}))
    assert untold.cause == "something that it depends on is replaced"


def test_what_stays_in_the_cluster_is_not_called_lost() -> None:
    claim = "kubernetes:core/v1:PersistentVolumeClaim::data"
    [finding] = gate(step("delete", claim, old={"retainOnDelete": True}))
    assert finding.what == "is deleted: the object stays in the cluster, outside of the stack"
    # A generated value is in the state alone.
    [password] = gate(step("delete", "random:index/randomPassword:RandomPassword::pw", old={"retainOnDelete": True}))
    assert password.what == "is deleted: clients with the old value are locked out"
    [lost] = gate(step("delete", claim))
    assert lost.what == "is deleted: the data on the volume is lost"


def test_the_parts_of_a_replacement_are_one_replacement() -> None:
    claim = "kubernetes:core/v1:PersistentVolumeClaim::data"
    steps = [step("delete-replaced", claim), step("replace", claim), step("create-replacement", claim)]
    [change] = parsed(*steps)
    assert change.operation is Operation.REPLACE
    assert len(gate(*steps)) == 1


@pytest.mark.parametrize(
    ("operations", "label"),
    [
        (("delete", "create"), "allow-replace:prod/data"),
        (("create", "delete"), "allow-replace:prod/data"),
        (("refresh", "delete"), "allow-delete:prod/data"),
        (("refresh", "replace"), "allow-replace:prod/data"),
        (("create-replacement",), "allow-replace:prod/data"),
        (("delete-replaced",), "allow-replace:prod/data"),
        (("import-replacement",), "allow-replace:prod/data"),
        (("discard-replaced",), "allow-replace:prod/data"),
        (("refresh", "update"), None),
        (("refresh", "same"), None),
        (("refresh", "create"), None),
        (("import",), None),
        (("read",), None),
        (("discard",), None),
        (("remove-pending-replace",), None),
    ],
)
def test_every_operation_of_the_engine(operations: tuple[str, ...], label: str | None) -> None:
    claim = "kubernetes:core/v1:PersistentVolumeClaim::data"
    inputs = {"spec": {"x": 1}}
    findings = gate(*(step(operation, claim, inputs, inputs) for operation in operations))
    assert [finding.label for finding in findings] == ([label] if label else [])


@pytest.mark.parametrize(
    "made",
    [
        step("delete", "kubernetes:core/v1:PersistentVolumeClaim::data") | {"oldState": None},
        step("replace", "kubernetes:core/v1:PersistentVolumeClaim::data") | {"oldState": None},
        step("update", "kubernetes:core/v1:PersistentVolumeClaim::data") | {"oldState": None},
        step("same", "kubernetes:core/v1:PersistentVolumeClaim::data") | {"oldState": None},
        step("delete-replaced", "kubernetes:core/v1:PersistentVolumeClaim::data") | {"oldState": None},
        step("create", "kubernetes:core/v1:PersistentVolumeClaim::data") | {"newState": None},
    ],
)
def test_a_step_without_its_state_is_refused(made: dict[str, Any]) -> None:
    """The engine leaves a state out that it cannot write as JSON."""
    with pytest.raises(PreviewError, match="of data has no state"):
        gate(made)


def test_any_protected_resource_is_stopped() -> None:
    protected = {"old": {"protect": True}, "new": {"protect": True}}
    [refused] = gate(
        step("replace", "kubernetes:core/v1:ConfigMap::conf", **protected), labels=("allow-replace:prod/conf",)
    )
    assert refused.label is None
    assert not refused.allowed
    assert refused.remedy
    [deleted] = gate(step("delete", "kubernetes:core/v1:ConfigMap::conf", old={"protect": True}))
    assert deleted.label is None
    [both] = gate(step("replace", "kubernetes:core/v1:ConfigMap::conf", old={"protect": True}))
    assert both.label == "allow-replace:prod/conf"


@pytest.mark.parametrize("order", [1, -1])
def test_what_one_part_of_a_replacement_says_counts_for_all(order: int) -> None:
    conf = "kubernetes:core/v1:ConfigMap::conf"
    parts = [
        step("delete-replaced", conf, {"a": 1}, old={"protect": True, "retainOnDelete": True}, new={"protect": True}),
        step("create-replacement", conf, {"a": 1}, {"a": 2}, new={"protect": True}),
    ]
    [change] = parsed(*parts[::order])
    assert (change.protected_before, change.retained) == (True, True)
    [finding] = gate(*parts[::order])
    assert finding.what.startswith("protected, and is replaced")


def test_the_cause_has_the_values_unless_they_are_secret() -> None:
    claim = "kubernetes:core/v1:PersistentVolumeClaim::data"
    before, after = ({"spec": {"storageClassName": name}} for name in ("slow", "fast"))
    [finding] = gate(step("replace", claim, before, after, replaceReasons=["spec.storageClassName"]))
    assert finding.cause == "spec.storageClassName (slow → fast)"
    secret = step(
        "replace",
        "random:index/randomPassword:RandomPassword::pw",
        {"result": "before"},
        {"result": "after"},
        replaceReasons=["result"],
        new={"additionalSecretOutputs": ["result"]},
    )
    [hidden] = gate(secret)
    assert hidden.cause == "result"
    for values in (("[secret]", "plain"), ("plain", "[secret]"), ("plain", UNKNOWN_NUMBER)):
        states = ({"spec": {"storageClassName": value}} for value in values)
        [hidden] = gate(step("replace", claim, *states, replaceReasons=["spec.storageClassName"]))
        assert hidden.cause == "spec.storageClassName"


def test_labels_fit_into_github(recording: Recording) -> None:
    guarded = [r.name for r in recording.resources if r.type in {key.partition("::")[0] for key in GUARDED}]
    names = [*guarded, "open-webui", "redis", "postgres"]
    assert len(guarded) >= 6
    for name in names:
        for what in ("replace", "downgrade" if name == "open-webui" else "delete"):
            label = f"allow-{what}:prod/{name}"
            assert ALLOWING.fullmatch(label)
            assert len(label) <= GITHUB_LABEL, label


def test_backups_that_are_turned_off_lose_their_volume(prod: Recording) -> None:
    component = "open-webui-stack:backup:Backup$kubernetes:"
    registered = [r for r in prod.objects if r.name in ("postgres-backup", "postgres-backups")]
    steps = [
        step("delete", f"{component}{r.type.removeprefix('kubernetes:')}::{r.name}", dict(r.inputs)) for r in registered
    ]
    assert len(steps) == 5
    [finding] = gate(*steps)
    assert (finding.resource, finding.label) == (
        "PersistentVolumeClaim/postgres-backups",
        "allow-delete:prod/postgres-backups",
    )
    assert "the data on the volume is lost" in finding.what
