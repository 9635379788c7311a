"""The providers in use decide what the official ones decided when the recordings were made.

With the provider emulators, this proves the emulators; with the official plugins, it proves the recordings.
"""

import re
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from kubernetes import config
from kubernetes.dynamic import DynamicClient
from pulumi import automation

from host.waiting import attempts
from tests.engine.recordings.program import NAMESPACE, PROJECT, Settings, deploy
from tests.engine.recordings.recorded import Run, load
from tests.support.engine.pulumi_commands import skip_summaries

RECORDED = load()
BASE = Settings()
# Previews that start from more than the base state, or that do not preview an update.
SPECIAL = {"00-create", "20-drift", "22-named-port", "23-named-port-second", "25-protect-then-namespace"}
SERVICE_SETTLES = 10

pytestmark = [
    pytest.mark.usefixtures("storage"),
    # Coroutines of programs that the engine broke off (Run.broken_off).
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


@dataclass
class RecordedStack:
    """The recorded program as a stack, run with one setting after the other."""

    cluster: Any
    environment: dict[str, str]
    directory: Path
    settings: Settings = BASE
    creation: Run = field(default_factory=Run)
    """The preview of the base state on an empty stack."""

    def __post_init__(self) -> None:
        self.stack = automation.create_or_select_stack(
            stack_name="dev",
            project_name=PROJECT,
            program=lambda: deploy(self.settings, self.cluster.kubeconfig, self.cluster.context),
            opts=automation.LocalWorkspaceOptions(work_dir=str(self.directory), env_vars=self.environment),
        )
        skip_summaries(self.stack)

    def preview(self, settings: Settings) -> Run:
        self.settings, run = settings, Run()
        try:
            self.stack.preview(on_event=run.observe)
        except automation.CommandError:
            run.broken_off()
        return run

    def preview_refresh(self) -> tuple[Run, int]:
        """The run, and the exit code with --expect-no-changes."""
        run = Run()
        try:
            self.stack.preview_refresh(on_event=run.observe, expect_no_changes=True)
        except automation.CommandError as error:
            code = re.search(r"^ code: (\d+)$", str(error), re.MULTILINE)
            assert code
            return run, int(code[1])
        return run, 0

    def up(self, settings: Settings, *, refresh: bool = False) -> Run:
        self.settings, run = settings, Run()
        try:
            self.stack.up(on_event=run.observe, refresh=refresh)
        except automation.CommandError:
            run.broken_off()
        return run

    def resource(self, name: str) -> dict[str, Any]:
        """A resource as the state has it, by the end of its URN."""
        deployment = self.stack.export_stack().deployment
        assert deployment
        stored: dict[str, Any] = next(
            resource for resource in deployment["resources"] if resource["urn"].endswith(f":{name}")
        )
        return stored


@pytest.fixture(scope="module")
def api(cluster: Any) -> DynamicClient:
    return DynamicClient(config.new_client_from_config(str(cluster.kubeconfig), context=cluster.context))


@pytest.fixture(scope="module")
def storage(api: DynamicClient) -> Iterator[None]:
    """The class `manual` that the recorded StatefulSet asks for, and one volume of it."""
    classes = api.resources.get(api_version="storage.k8s.io/v1", kind="StorageClass")
    volumes = api.resources.get(api_version="v1", kind="PersistentVolume")
    classes.create({"metadata": {"name": "manual"}, "provisioner": "kubernetes.io/no-provisioner"})
    volumes.create(
        {
            "metadata": {"name": "recordings"},
            "spec": {
                "capacity": {"storage": "1Gi"},
                "accessModes": ["ReadWriteOnce"],
                "storageClassName": "manual",
                "hostPath": {"path": "/var/lib/recordings"},
            },
        }
    )
    yield
    volumes.delete("recordings")
    classes.delete("manual")


@pytest.fixture(scope="module")
def deployed(
    cluster: Any, engine_environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RecordedStack]:
    """The base state, deployed once for tests that only look at it."""
    with pytest.MonkeyPatch.context() as patch:
        # The Automation API looks for the engine before it applies the workspace's environment.
        patch.setenv("PATH", engine_environment["PATH"])
        # A backend of its own: the recorded stack is called `dev`, and other tests' may be, too.
        backend = {"PULUMI_BACKEND_URL": tmp_path_factory.mktemp("recordings-state").as_uri()}
        directory = tmp_path_factory.mktemp("recordings")
        recorded = RecordedStack(cluster, {**engine_environment, **backend}, directory)
        recorded.creation = recorded.preview(BASE)
        started = time.monotonic()
        created = recorded.up(BASE)
        assert created.errors == []
        assert time.monotonic() - started >= SERVICE_SETTLES
        yield recorded
        recorded.stack.destroy(remove=True)


@pytest.fixture
def stack(deployed: RecordedStack) -> Iterator[RecordedStack]:
    """The base state, and back to it after the test."""
    yield deployed
    assert deployed.up(BASE).errors == []


def test_creation(deployed: RecordedStack) -> None:
    assert deployed.creation.steps == RECORDED["00-create"].steps


@pytest.mark.parametrize("name", [name for name in RECORDED if name not in SPECIAL])
def test_preview(deployed: RecordedStack, name: str) -> None:
    recorded, run = RECORDED[name], deployed.preview(RECORDED[name].settings)
    assert run.errors == recorded.errors
    if recorded.errors:
        # It stopped somewhere; what it was about has been seen.
        run.steps = {resource: step for resource, step in run.steps.items() if resource in recorded.steps}
    assert run.steps == recorded.steps


def test_existing_object_is_refused(stack: RecordedStack, api: DynamicClient) -> None:
    config_maps = api.resources.get(api_version="v1", kind="ConfigMap")
    config_maps.create({"metadata": {"name": "already-there"}, "data": {"by": "hand"}}, namespace=NAMESPACE)
    try:
        (error,) = stack.up(Settings(bad="exists")).errors
        assert error.startswith(
            f'resource "urn:pulumi:dev::{PROJECT}::kubernetes:core/v1:ConfigMap::exists" was not successfully '
            'created by the Kubernetes API server: configmaps "already-there" already exists\n\n'
            "The resource already exists in the cluster. This can happen when:"
        )
        assert "set upsertExistingObjects on the provider" in error
        assert config_maps.get("already-there", NAMESPACE).data.to_dict() == {"by": "hand"}
    finally:
        config_maps.delete("already-there", NAMESPACE)


def test_refused_field(stack: RecordedStack) -> None:
    recorded = RECORDED["14-bad-label"]
    assert stack.up(recorded.settings).errors == recorded.errors


def test_ingress_without_controller(stack: RecordedStack) -> None:
    """It is created, fails after its 8 s, is kept as failed, and skipAwait ends the wait."""
    (error,) = stack.up(Settings(ingress="yes")).errors
    assert error.splitlines() == [
        "2 errors occurred:",
        f'\t* resource "urn:pulumi:dev::{PROJECT}::kubernetes:networking.k8s.io/v1:Ingress::open-webui" was '
        "successfully created, but the Kubernetes API server reported that it failed to fully initialize or become "
        "live: 'open-webui' timed out waiting to be Ready",
        "\t* Ingress .status.loadBalancer field was not updated with a hostname/IP address. ",
        "    for more information about this error, see https://pulumi.io/xdv72s",
    ]
    assert stack.resource(":open-webui")["initErrors"]

    run = stack.up(Settings(ingress="skip"))
    assert run.errors == []
    assert "Skipping await logic" in run.messages
    assert run.steps["kubernetes:networking.k8s.io/v1:Ingress::open-webui"]["op"] == "update"
    assert "initErrors" not in stack.resource(":open-webui")


def test_pod_that_cannot_be_scheduled(stack: RecordedStack, api: DynamicClient) -> None:
    (error,) = stack.up(Settings(bad="image")).errors
    counted, *reasons = error.splitlines()
    # The controller sets this condition while the provider waits: whether it is seen before the time-out is a matter of
    # moments.
    seen = "\t* [MinimumReplicasUnavailable] Deployment does not have minimum availability."
    assert counted == f"{len(reasons)} errors occurred:"
    assert [reason for reason in reasons if reason != seen] == [
        f'\t* resource "urn:pulumi:dev::{PROJECT}::kubernetes:apps/v1:Deployment::never" was successfully '
        "created, but the Kubernetes API server reported that it failed to fully initialize or become live: 'never' "
        "timed out waiting to be Ready",
        "\t* Minimum number of live Pods was not attained",
    ]
    assert stack.resource(":never")["id"] == f"{NAMESPACE}/never"
    assert stack.up(BASE).errors == []
    deployments = api.resources.get(api_version="apps/v1", kind="Deployment")
    assert [item.metadata.name for item in deployments.get(namespace=NAMESPACE).items] == ["redis"]


def test_drift(stack: RecordedStack, api: DynamicClient) -> None:
    """Edits as kubectl makes them: seen by a refresh, taken back by an update only with enablePatchForce."""
    assert stack.preview_refresh()[1] == 0
    _edit_by_hand(api)
    run, exit_code = stack.preview_refresh()
    assert exit_code == 7
    # A resource that has not drifted is told as `refresh`.
    assert run.steps == RECORDED["20-drift"].steps

    run = stack.up(Settings(force="no"), refresh=True)
    errors = [error for error in run.errors if "field conflict" in error]
    assert len(errors) == 1
    assert errors[0].startswith(
        f'1 error occurred:\n\t* the Kubernetes API server reported that "{NAMESPACE}/redis" failed to fully '
        "initialize or become live: server-side apply field conflict detected, see https://www.pulumi.com/"
    )
    assert errors[0].endswith(
        'Apply failed with 1 conflict: conflict with "kubectl" with subresource "scale" using apps/v1: .spec.replicas'
    )

    assert stack.up(BASE, refresh=True).errors == []
    deployment, config_map, policy = _edited(api)
    assert deployment.get("redis", NAMESPACE).spec.replicas == 1
    assert config_map.get("redis-settings", NAMESPACE).data.to_dict() == {"redis.conf": "maxmemory 512mb"}
    assert policy.get("default-deny", NAMESPACE).spec.policyTypes == ["Ingress", "Egress"]
    assert stack.preview_refresh()[1] == 0


def _edited(api: DynamicClient) -> list[Any]:
    kinds = (("apps/v1", "Deployment"), ("v1", "ConfigMap"), ("networking.k8s.io/v1", "NetworkPolicy"))
    return [api.resources.get(api_version=version, kind=kind) for version, kind in kinds]


def _edit_by_hand(api: DynamicClient) -> None:
    """`kubectl scale`, `kubectl patch` and `kubectl delete`."""
    deployments, config_maps, policies = _edited(api)
    merge = "application/merge-patch+json"
    deployments.scale.patch(
        name="redis",
        namespace=NAMESPACE,
        body={"spec": {"replicas": 2}},
        content_type=merge,
        field_manager="kubectl",
    )
    config_maps.patch(
        name="redis-settings",
        namespace=NAMESPACE,
        body={"data": {"redis.conf": "edited manually"}},
        content_type=merge,
        field_manager="kubectl-patch",
    )
    policies.delete("default-deny", NAMESPACE)
    assert any(deployments.get("redis", NAMESPACE).status.readyReplicas == 2 for _ in attempts(seconds=30, every=0.2))


def test_protection(stack: RecordedStack) -> None:
    """Protection changes no object. An update that replaces or deletes a protected resource fails and keeps it."""
    protected = Settings(protect="yes")
    assert stack.up(protected).errors == []
    recorded = RECORDED["25-protect-then-namespace"]
    run = stack.preview(recorded.settings)
    assert run.steps == recorded.steps
    assert sorted(run.errors) == sorted(recorded.errors)

    (error,) = stack.up(Settings(protect="yes", storage="2Gi")).errors
    assert error.startswith(
        f'unable to replace resource "urn:pulumi:dev::{PROJECT}::kubernetes:apps/v1:StatefulSet::postgres"\n'
        "as it is currently marked for protection."
    )
    with pytest.raises(automation.CommandError, match="cannot be deleted"):
        stack.stack.preview_destroy()
    assert stack.resource("StatefulSet::postgres")["protect"]


def test_missing_kind(stack: RecordedStack) -> None:
    """It may be about to be defined, so creation is tried for about a minute."""
    started = time.monotonic()
    run = stack.up(Settings(bad="kind"))
    # 1, 2, 4, 8, 16 and 32 s. How much longer than these 63 s it takes is the machine's affair.
    assert time.monotonic() - started >= 63
    tried = [message for message in run.messages if message.startswith("Retry #")]
    assert [message.partition(";")[0] for message in tried] == [f"Retry #{number}" for number in range(6)]
    (error,) = run.errors
    assert error == (
        f'creation of resource "urn:pulumi:dev::{PROJECT}::kubernetes:gateway.networking.k8s.io/v1:HTTPRoute'
        '::route" with kind gateway.networking.k8s.io/v1/HTTPRoute failed because the Kubernetes API server reported '
        "that the apiVersion for this resource does not exist. Verify that any required CRDs have been created: "
        'no matches for kind "HTTPRoute" in version "gateway.networking.k8s.io/v1"'
    )


def test_changed_port(deployed: RecordedStack) -> None:
    """The first update passes fields on to server-side apply; from then on previews of it work.

    The last test of the module: going back would take another 10 s.
    """
    recorded = RECORDED["22-named-port"]
    # That this preview fails is a fault of the official provider, which another may do without.
    assert deployed.preview(recorded.settings).steps.items() >= recorded.steps.items()
    assert deployed.up(recorded.settings).errors == []
    run = deployed.preview(RECORDED["23-named-port-second"].settings)
    assert run.errors == []
    assert run.steps == RECORDED["23-named-port-second"].steps
