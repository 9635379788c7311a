"""The kubernetes emulator and the answers of an API server. Against a real one: tests/engine."""

from collections.abc import Iterator
from typing import Any

import pytest
from google.protobuf.empty_pb2 import Empty
from pulumi.runtime.proto import provider_pb2

from emulators import kubernetes_provider
from emulators.cluster import ApiError, NoSuchKindError, UnreachableError
from emulators.kubernetes_configuration import Configuration
from emulators.kubernetes_provider import FIELD_MANAGER, INPUTS, KubernetesProvider
from emulators.plugin import Engine, InitializationError, ProviderError
from emulators.property_values import Secret, decode, encode, reveal

SECRET = "hunter22-of-the-test"
URN = "urn:pulumi:dev::project::kubernetes:{}::name"
Object = dict[str, Any]


def error(code: int, reason: str, message: str = "", **details: Any) -> ApiError:
    return ApiError({"code": code, "reason": reason, "message": message or f"{reason}!", "details": details})


EXISTS = error(409, "AlreadyExists", 'configmaps "a" already exists')
NOT_FOUND = error(404, "NotFound", 'namespaces "n" not found', kind="namespaces")
FORBIDDEN = error(403, "Forbidden")
QUOTES = error(422, "Invalid", f'Invalid value: "{SECRET}"')


class FakeCluster:
    """Answers a call with the next of its `answers`: an object or an error; without one with what it was given."""

    def __init__(self, live: Object, **answers: list[Any]) -> None:
        self.live = live
        self.answers = answers
        self.calls: list[tuple[str, Object, dict[str, Any]]] = []

    def __getattr__(self, name: str) -> Any:
        if name == "list":
            return lambda *_: []

        def call(manifest: Object, *more: Any, **options: Any) -> Any:
            self.calls.append((name, manifest, {**options, "more": more}))
            waiting = self.answers.get(name)
            answer = waiting.pop(0) if waiting else {"get": self.live, "patch": self.live}.get(name, manifest)
            if isinstance(answer, Exception):
                raise answer
            return {**manifest, **answer} if isinstance(answer, dict) else answer

        return call

    def serves(self, _: Object) -> bool:
        return True

    def watch(self, *_: Any) -> Iterator[Object]:
        yield from self.answers.pop("watch", ())

    def names(self) -> list[str]:
        return [name for name, _, _ in self.calls]

    def options(self, name: str) -> dict[str, Any]:
        return next(options for called, _, options in self.calls if called == name)


class TellingEngine(Engine):
    """Keeps what would be shown in the resource's row."""

    def __init__(self) -> None:
        super().__init__(None)
        self.messages: list[str] = []

    def _log(self, urn: str, message: str, warning: bool, ephemeral: bool) -> None:
        assert urn
        assert ephemeral or warning
        self.messages.append(message)


def manifest(kind: str = "ConfigMap", api_version: str = "v1", **fields: Any) -> Object:
    metadata = {"name": "a", "namespace": "n", **fields.pop("metadata", {})}
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata, **fields}


def live(inputs: Object, *managers: str) -> Object:
    entries = [{"manager": manager, "operation": "Update", "fieldsV1": {}} for manager in managers]
    metadata = {**inputs["metadata"], "uid": "1", "resourceVersion": "7", "managedFields": entries}
    return {**reveal(inputs), "metadata": metadata}


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    assert sum(kubernetes_provider.RETRY_DELAYS) == 63
    monkeypatch.setattr(kubernetes_provider, "RETRY_DELAYS", (0, 0, 0))


def provider(cluster: FakeCluster, **options: Any) -> KubernetesProvider:
    made = KubernetesProvider(TellingEngine())
    made.configuration, made.cluster = Configuration(options), cluster  # type: ignore[assignment]
    return made


def urn(inputs: Object) -> str:
    group_version = inputs["apiVersion"] if "/" in inputs["apiVersion"] else f"core/{inputs['apiVersion']}"
    return URN.format(f"{group_version}:{inputs['kind']}")


def create(cluster: FakeCluster, inputs: Object, *, preview: bool = False) -> Any:
    request = provider_pb2.CreateRequest(urn=urn(inputs), properties=encode(inputs), preview=preview, timeout=0.2)
    return provider(cluster).create(request)


def state_of(inputs: Object, *managers: str) -> Object:
    return {**live(inputs, *managers), INPUTS: inputs, FIELD_MANAGER: "pulumi-kubernetes-1234"}


def update(cluster: FakeCluster, old: Object, new: Object, *, preview: bool = False, **options: Any) -> Any:
    request = provider_pb2.UpdateRequest(
        id="n/a", urn=urn(new), olds=encode(state_of(old)), news=encode(new), preview=preview, timeout=0.2
    )
    return provider(cluster, **options).update(request)


def diff(old: Object, new: Object, *ignored: str, cluster: FakeCluster | None = None) -> Any:
    request = provider_pb2.DiffRequest(
        urn=urn(new), olds=encode(state_of(old)), news=encode(new), ignoreChanges=list(ignored)
    )
    options = {"enableSecretMutable": "true", "enableConfigMapMutable": "true"}
    return provider(cluster or FakeCluster({}), **options).diff(request)


def test_what_exists_is_not_taken_over() -> None:
    cluster = FakeCluster({}, create=[EXISTS])
    with pytest.raises(ProviderError, match=r"already exists\n\nThe resource already exists in the cluster\. This can"):
        create(cluster, manifest())
    assert cluster.names() == ["create"]


@pytest.mark.parametrize("answer", [EXISTS, FORBIDDEN, NOT_FOUND])
def test_a_preview_does_not_fail_for_what_an_update_may_fix(answer: ApiError) -> None:
    cluster = FakeCluster({}, create=[answer])
    assert decode(create(cluster, manifest(), preview=True).properties) == manifest()
    assert cluster.options("create")["preview"] is True


def test_a_preview_of_a_replacement_shows_the_attempt_as_the_official_provider_does() -> None:
    made = provider(FakeCluster({}, create=[EXISTS]))
    inputs = manifest()
    made.create(provider_pb2.CreateRequest(urn=urn(inputs), properties=encode(inputs), preview=True))
    assert isinstance(made.engine, TellingEngine)
    assert made.engine.messages == ['Retry #0; creation failed: configmaps "a" already exists']


def test_a_preview_tells_what_the_api_server_refuses() -> None:
    with pytest.raises(ProviderError, match="was not successfully created by the Kubernetes API server: Invalid!"):
        create(FakeCluster({}, create=[error(422, "Invalid")]), manifest(), preview=True)


@pytest.mark.parametrize("missing", [NOT_FOUND, NoSuchKindError("no matches for kind")])
def test_what_may_be_on_its_way_is_tried_again(missing: Exception) -> None:
    cluster = FakeCluster({}, create=[missing, missing, live(manifest())])
    assert create(cluster, manifest()).id == "n/a"
    with pytest.raises(ProviderError, match=str(missing)):
        create(FakeCluster({}, create=[missing] * 3), manifest())


def test_no_secret_is_in_what_is_told() -> None:
    inputs = manifest(data={"password": Secret(SECRET), "open": "open"})
    made = provider(FakeCluster({}, create=[QUOTES]))
    with pytest.raises(ProviderError) as failed:
        made.create(provider_pb2.CreateRequest(urn=urn(inputs), properties=encode(inputs)))
    messages = made.engine.messages  # type: ignore[attr-defined]
    assert messages == ['Retry #0; creation failed: Invalid value: "[secret]"']
    assert str(failed.value).endswith('Invalid value: "[secret]"')


def test_what_was_secret_stays_secret_in_the_state() -> None:
    inputs = manifest(data={"password": Secret(SECRET), "open": "open"})
    state = decode(create(FakeCluster({}, create=[live(inputs)]), inputs).properties)
    for part in (state, state[INPUTS]):
        assert part["data"] == {"password": Secret(SECRET), "open": "open"}


def test_what_does_not_get_ready_is_kept_with_the_reason_and_without_secrets() -> None:
    inputs = manifest("Job", "batch/v1", spec={"note": Secret(SECRET)})
    reason = {"type": "Failed", "status": "True", "reason": "DeadlineExceeded", "message": f"it said {SECRET}"}
    failed = {**live(inputs), "status": {"conditions": [reason]}}
    cluster = FakeCluster({}, create=[live(inputs)], watch=[{"type": "MODIFIED", "object": failed}])
    with pytest.raises(InitializationError) as failure:
        create(cluster, inputs)
    assert failure.value.detail.id == "n/a"
    assert list(failure.value.detail.reasons)[1:] == ["[DeadlineExceeded] it said [secret]"]
    assert decode(failure.value.detail.properties)["spec"]["note"] == Secret(SECRET)


OLD, NEW = manifest(data={"a": "1"}), manifest(data={"a": "2"})


def test_an_update_takes_over_what_the_creation_owns_and_forces_nothing() -> None:
    cluster = FakeCluster(live(OLD, "pulumi-kubernetes"))
    update(cluster, OLD, NEW)
    assert cluster.names() == ["get", "patch", "apply"]
    assert cluster.options("apply") == {
        "manager": "pulumi-kubernetes-1234",
        "force": False,
        "preview": False,
        "more": (),
    }


def test_a_preview_forces_what_an_update_would_adopt() -> None:
    cluster = FakeCluster(live(OLD, "pulumi-kubernetes"))
    update(cluster, OLD, NEW, preview=True)
    assert cluster.names() == ["get", "apply"]
    assert (cluster.options("apply")["force"], cluster.options("apply")["preview"]) == (True, True)
    foreign = FakeCluster(live(OLD, "somebody"))
    update(foreign, OLD, NEW, preview=True)
    assert foreign.options("apply")["force"] is False


def test_conflicts_are_forced_when_the_user_says_so() -> None:
    cluster = FakeCluster(live(OLD, "somebody"))
    update(cluster, OLD, NEW, enablePatchForce="true")
    assert cluster.options("apply")["force"] is True
    annotated = manifest(data={"a": "2"}, metadata={"annotations": {"pulumi.com/patchForce": "true"}})
    cluster = FakeCluster(live(OLD, "somebody"))
    update(cluster, OLD, annotated)
    assert cluster.options("apply")["force"] is True


def test_a_conflict_is_explained() -> None:
    cluster = FakeCluster(live(OLD, "somebody"), apply=[error(409, "Conflict", "conflict with somebody")])
    with pytest.raises(InitializationError) as failed:
        update(cluster, OLD, NEW)
    assert "server-side apply field conflict detected" in str(failed.value)
    assert "conflict with somebody" in str(failed.value)


def test_a_preview_of_what_may_not_be_written_yet_does_not_fail() -> None:
    cluster = FakeCluster(live(OLD), apply=[FORBIDDEN])
    assert decode(update(cluster, OLD, NEW, preview=True).properties) == NEW
    with pytest.raises(InitializationError, match="Forbidden!"):
        update(FakeCluster(live(OLD), apply=[FORBIDDEN]), OLD, NEW)


def test_definitions_of_kinds_are_replaced_and_not_applied() -> None:
    definition = manifest("CustomResourceDefinition", "apiextensions.k8s.io/v1")
    cluster = FakeCluster(live(definition))
    update(cluster, definition, {**definition, "spec": {}})
    assert cluster.names() == ["get", "replace"]
    assert cluster.calls[1][1]["metadata"]["resourceVersion"] == "7"


def delete(cluster: FakeCluster, inputs: Object) -> Any:
    request = provider_pb2.DeleteRequest(id="n/a", urn=urn(inputs), properties=encode(state_of(inputs)), timeout=0.2)
    return provider(cluster).delete(request)


@pytest.mark.parametrize(
    ("annotation", "propagation"), [("", "Foreground"), ("background", "Background"), ("orphan", "Orphan")]
)
def test_a_deletion_takes_what_depends_on_the_object_first(annotation: str, propagation: str) -> None:
    annotations = {"pulumi.com/deletionPropagationPolicy": annotation}
    cluster = FakeCluster({}, get=[error(404, "NotFound")])
    assert delete(cluster, manifest(metadata={"annotations": annotations})) == Empty()
    assert cluster.options("delete")["propagation"] == propagation
    assert cluster.names() == ["delete", "get"]


def test_what_is_gone_already_is_deleted_and_what_stays_is_told() -> None:
    assert delete(FakeCluster({}, delete=[error(404, "NotFound")]), OLD) == Empty()
    with pytest.raises(InitializationError, match="timed out waiting for the condition"):
        delete(FakeCluster(live(OLD)), OLD)
    with pytest.raises(ProviderError, match="configured Kubernetes cluster is unreachable"):
        delete(FakeCluster({}, delete=[UnreachableError("refused")]), OLD)


# As in the official provider (pkg/provider/diff.go): kinds, fields, and what is above or inside of them.
REPLACING = [
    ("v1", "ConfigMap", "metadata.namespace"),
    ("v1", "Secret", "type"),
    ("apps/v1", "Deployment", "spec.selector.matchLabels.app"),
    ("apps/v1", "StatefulSet", "spec.podManagementPolicy"),
    ("apps/v1", "StatefulSet", "spec.revisionHistoryLimit"),
    ("apps/v1", "StatefulSet", "spec.selector.matchLabels.app"),
    ("apps/v1", "StatefulSet", "spec.serviceName"),
    ("apps/v1", "StatefulSet", "spec.volumeClaimTemplates"),
    ("batch/v1", "Job", "spec.completions"),
    ("batch/v1", "Job", "spec.parallelism"),
    ("batch/v1", "Job", "spec.selector.matchLabels.app"),
    ("batch/v1", "Job", "spec.template.metadata.name"),
    ("rbac.authorization.k8s.io/v1", "ClusterRoleBinding", "roleRef.name"),
    ("rbac.authorization.k8s.io/v1", "RoleBinding", "roleRef.name"),
    ("storage.k8s.io/v1", "StorageClass", "parameters.type"),
    ("storage.k8s.io/v1", "StorageClass", "provisioner"),
    ("v1", "PersistentVolume", "spec.hostPath.path"),
    ("v1", "PersistentVolumeClaim", "spec.accessModes"),
    ("v1", "PersistentVolumeClaim", "spec.selector.matchLabels.app"),
    ("v1", "PersistentVolumeClaim", "spec.storageClassName"),
    ("v1", "PersistentVolumeClaim", "spec.volumeName"),
    ("v1", "ResourceQuota", "spec.scopes"),
    ("v1", "Service", "spec.clusterIP"),
]


@pytest.mark.parametrize(
    ("api_version", "kind", "path"), REPLACING, ids=[f"{kind} {path}" for _, kind, path in REPLACING]
)
def test_fields_that_cannot_change_replace(api_version: str, kind: str, path: str) -> None:
    old, new = (at(manifest(kind, api_version), path, value) for value in ("1", "2"))
    response = diff(old, new)
    assert list(response.replaces) == [path]
    # The name was chosen: old and new one would collide, but in another namespace.
    assert response.deleteBeforeReplace == (path != "metadata.namespace")


def at(manifest: Object, path: str, value: str) -> Object:
    """A copy with the value at a dotted path."""
    key, _, rest = path.partition(".")
    return {**manifest, key: at(manifest.get(key, {}), rest, value) if rest else value}


def test_changes_that_are_ignored_are_none() -> None:
    old, new = (at(manifest("Deployment", "apps/v1"), "spec.replicas", value) for value in ("1", "2"))
    assert list(diff(old, new).detailedDiff) == ["spec.replicas"]
    assert list(diff(old, new, "spec.replicas").detailedDiff) == []


def test_without_a_name_and_with_autonaming_off_nothing_is_made_up() -> None:
    options = provider_pb2.CheckRequest.AutonamingOptions
    inputs = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"namespace": "n"}}
    request = provider_pb2.CheckRequest(
        urn=urn(inputs), news=encode(inputs), autonaming=options(mode=options.Mode.DISABLE)
    )
    with pytest.raises(ProviderError, match=r"requires the \.metadata\.name field to be set"):
        provider(FakeCluster({})).check(request)


COMPLETE = {"startTime": "now", "conditions": [{"type": "Complete", "status": "True"}]}
GAVE_UP = {"startTime": "now", "conditions": [{"type": "Failed", "status": "True", "reason": "BackoffLimitExceeded"}]}


@pytest.mark.parametrize(
    ("kind", "status", "replaced"),
    [("Job", COMPLETE, False), ("Job", GAVE_UP, True), ("Job", {"startTime": "now"}, True), ("ConfigMap", {}, False)],
)
def test_a_job_that_has_not_come_to_its_end_is_replaced_where_its_annotation_says_so(
    kind: str, status: Object, replaced: bool
) -> None:
    versions = {"Job": "batch/v1", "ConfigMap": "v1"}
    annotated = {"annotations": {"pulumi.com/replaceUnready": "true"}}
    for metadata, expected in ((annotated, replaced), ({}, False)):
        inputs = manifest(kind, versions[kind], metadata=metadata)
        response = diff(inputs, inputs, cluster=FakeCluster({**live(inputs), "status": status}))
        annotation = '.metadata.annotations["pulumi.com/replaceUnready"]'
        assert list(response.replaces) == ([annotation] if expected else [])
        assert response.deleteBeforeReplace is expected
        assert (response.changes == provider_pb2.DiffResponse.DIFF_SOME) is expected


def test_a_job_that_is_gone_is_left_to_the_refresh() -> None:
    inputs = manifest("Job", "batch/v1", metadata={"annotations": {"pulumi.com/replaceUnready": "true"}})
    assert not diff(inputs, inputs, cluster=FakeCluster({}, get=[NOT_FOUND])).replaces
