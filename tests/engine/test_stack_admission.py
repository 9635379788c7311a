"""What the API server lets in: every pod of the stack without a warning, and nothing that is above the rules."""

from collections.abc import Iterator
from typing import Any

import pytest
from kubernetes import client

from devcluster.clusters.choice import Cluster
from stack_config.files import read_stack
from stackctl.render.manifests import planned_objects
from tests.support.engine.stack import APPLICATIONS, PREFLIGHT, Namespace

pytest_plugins = ("tests.support.engine.stack_fixtures",)

ACCOUNT = "redis"
BACKUP = "postgres-backup"
RESTRICTED: dict[str, Any] = {
    "runAsNonRoot": True,
    "runAsUser": 1000,
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "seccompProfile": {"type": "RuntimeDefault"},
}


# Of each Kubernetes that the stack supports and the API server knows. A host in a probe is refused from 1.34 on.
VERSIONS = (*(f"v1.{minor}" for minor in range(30, 37)), "latest")
WITHOUT_PROBE_HOSTS = VERSIONS[4:]


@pytest.fixture(scope="module", params=VERSIONS)
def restricted(cluster: Cluster, request: pytest.FixtureRequest) -> Iterator[Namespace]:
    """A namespace that refuses what is not restricted and warns of it, with the accounts of the stack's pods."""
    namespace = Namespace(cluster, f"admission-{request.param.replace('.', '-')}")
    modes = ("enforce", "warn")
    labels = {f"pod-security.kubernetes.io/{mode}": "restricted" for mode in modes}
    labels |= {f"pod-security.kubernetes.io/{mode}-version": request.param for mode in modes}
    namespace.core.create_namespace({"metadata": {"name": namespace.name, "labels": labels}})
    for account in (*APPLICATIONS, PREFLIGHT, BACKUP):
        namespace.core.create_namespaced_service_account(namespace.name, {"metadata": {"name": account}})
    yield namespace
    namespace.core.delete_namespace(namespace.name)


def planned_pods(environment: str, *sets: str) -> dict[str, dict[str, Any]]:
    """Specs of the pods that an environment runs, by the name of their workload."""
    objects = planned_objects(read_stack(environment, ["kubeContext=unused", *sets]), environment)
    workloads = {item["metadata"]["name"]: item.get("spec", {}) for item in objects}
    workloads |= {name: spec["jobTemplate"]["spec"] for name, spec in workloads.items() if "jobTemplate" in spec}
    return {name: spec["template"]["spec"] for name, spec in workloads.items() if "template" in spec}


def pod(*, security: dict[str, Any], memory: str = "64Mi") -> dict[str, Any]:
    container = {"name": "debug", "image": "busybox", "securityContext": security}
    # Not the account `default`: it comes some time after its namespace.
    return {
        "serviceAccountName": ACCOUNT,
        "containers": [container | {"resources": {"limits": {"memory": memory}}}],
    }


def warning_of(namespace: Namespace, spec: dict[str, Any]) -> str | None:
    """The warning with which the API server would let a pod in."""
    body = {"metadata": {"generateName": "dry-run-"}, "spec": spec}
    _, status, headers = namespace.core.create_namespaced_pod_with_http_info(namespace.name, body, dry_run="All")
    assert status == 201
    warning: str | None = headers.get("Warning")
    return warning


@pytest.mark.parametrize(
    ("environment", "sets", "also"),
    [
        ("dev", [], set()),
        ("prod", [], {BACKUP}),
        (
            "dev",
            [
                "backup.enabled=true",
                "monitoring.enabled=true",
                "openWebui.variant=full",
                "openWebui.documents.extraction.engine=tika",
                "openWebui.uploads.kind=volume",
                *("backup.s3.bucket=dumps", "backup.s3.credentials=serviceAccount"),
                *("postgresql.archive.enabled=true", "postgresql.archive.s3.bucket=log"),
                "postgresql.archive.s3.credentials=serviceAccount",
            ],
            {BACKUP},
        ),
    ],
    ids=["dev", "prod", "everything on"],
)
def test_pod_security_admits_every_pod_without_a_warning(
    restricted: Namespace, environment: str, sets: list[str], also: set[str]
) -> None:
    pods = planned_pods(environment, *sets)
    assert pods.keys() == {*APPLICATIONS, PREFLIGHT, *also}
    assert {name: warning_of(restricted, spec) for name, spec in pods.items()} == dict.fromkeys(pods)


def test_pods_as_they_run_are_admitted_without_a_warning(live: Namespace, restricted: Namespace) -> None:
    workloads = live.apps.list_namespaced_deployment(live.name).items
    workloads += live.apps.list_namespaced_stateful_set(live.name).items
    serialized = live.core.api_client.sanitize_for_serialization
    assert {item.metadata.name for item in workloads} == set(APPLICATIONS)
    for item in workloads:
        assert warning_of(restricted, serialized(item.spec.template.spec)) is None, item.metadata.name


def test_a_privileged_pod_is_refused(live: Namespace, restricted: Namespace) -> None:
    for namespace in (restricted, live):
        with pytest.raises(client.ApiException, match="violates PodSecurity") as refused:
            warning_of(namespace, pod(security={"privileged": True}))
        assert refused.value.status == 403


def with_host_in_probe() -> dict[str, Any]:
    """A pod that later versions of Pod Security refuse and that of the stack's namespace does not."""
    spec = pod(security=RESTRICTED)
    spec["containers"][0]["livenessProbe"] = {"tcpSocket": {"port": 80, "host": "127.0.0.1"}}
    return spec


def test_versions_differ_in_what_they_refuse(restricted: Namespace) -> None:
    if restricted.name in {f"admission-{version.replace('.', '-')}" for version in WITHOUT_PROBE_HOSTS}:
        with pytest.raises(client.ApiException, match="violates PodSecurity"):
            warning_of(restricted, with_host_in_probe())
    else:
        assert warning_of(restricted, with_host_in_probe()) is None


def test_the_namespace_keeps_to_its_version_whatever_the_cluster_is(live: Namespace) -> None:
    labels = live.core.read_namespace(live.name).metadata.labels
    assert {labels[f"pod-security.kubernetes.io/{mode}-version"] for mode in ("enforce", "audit", "warn")} == {"v1.30"}
    assert warning_of(live, with_host_in_probe()) is None


def test_a_warning_would_be_seen(cluster: Cluster) -> None:
    """The control of the tests above: where the same is only warned of, there is a warning."""
    namespace = Namespace(cluster, "admission-warns")
    labels = {"pod-security.kubernetes.io/warn": "restricted"}
    namespace.core.create_namespace({"metadata": {"name": namespace.name, "labels": labels}})
    try:
        namespace.core.create_namespaced_service_account(namespace.name, {"metadata": {"name": ACCOUNT}})
        assert "would violate PodSecurity" in (warning_of(namespace, pod(security={"privileged": True})) or "")
    finally:
        namespace.core.delete_namespace(namespace.name)


def test_the_quota_has_room_for_a_rolling_update_and_a_debugging_pod(live: Namespace) -> None:
    assert warning_of(live, pod(security=RESTRICTED)) is None
    (web, *_) = live.pods("open-webui")
    spec = live.core.api_client.sanitize_for_serialization(web.spec)
    assert warning_of(live, {key: value for key, value in spec.items() if key != "nodeName"}) is None


def test_the_quota_refuses_what_no_part_of_the_stack_needs(live: Namespace) -> None:
    with pytest.raises(client.ApiException, match="exceeded quota: quota"):
        warning_of(live, pod(security=RESTRICTED, memory="512Gi"))
