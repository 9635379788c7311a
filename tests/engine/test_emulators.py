"""The provider emulators beyond the recordings: secrets, readiness, ownership, refusals, cancellation.

These tests are skipped when the official plugins are in use.
"""

import base64
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pulumi
import pulumi_kubernetes as k8s
import pulumi_random as random
import pytest
from kubernetes import config
from kubernetes.dynamic import DynamicClient
from pulumi import ResourceOptions, automation

from emulators.awaiting import NotReadyError, Waiting
from emulators.cluster import Cluster
from emulators.kubernetes_configuration import Configuration
from tests.engine.recordings.recorded import Run
from tests.support.engine.pulumi_commands import skip_summaries

Declaration = Callable[[ResourceOptions], object]

NAMESPACE = "standins"
SECRET = "a-secret-of-the-test"

# Coroutines of programs that the engine broke off (Run.broken_off).
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


@pytest.fixture(autouse=True)
def _only_with_emulators(emulators_in_use: bool) -> None:
    if not emulators_in_use:
        pytest.skip("the official provider plugins are in use")


@pytest.fixture(scope="module")
def api(cluster: Any) -> DynamicClient:
    return DynamicClient(config.new_client_from_config(str(cluster.kubeconfig), context=cluster.context))


@pytest.fixture(scope="module", autouse=True)
def _namespace(api: DynamicClient) -> Iterator[None]:
    namespaces = api.resources.get(api_version="v1", kind="Namespace")
    namespaces.create({"metadata": {"name": NAMESPACE}})
    yield
    namespaces.delete(NAMESPACE)


@dataclass
class Program:
    """A stack whose program is replaced from run to run; it gets the options for objects in the cluster."""

    cluster: Any
    environment: dict[str, str]
    directory: Path

    def __post_init__(self) -> None:
        self.declare: Declaration = lambda _: None
        self.provider: dict[str, Any] = {"kubeconfig": str(self.cluster.kubeconfig), "namespace": NAMESPACE}
        backend = self.directory / "state"
        backend.mkdir()
        self.stack = automation.create_or_select_stack(
            stack_name="dev",
            project_name="standins",
            program=self._run,
            opts=automation.LocalWorkspaceOptions(
                work_dir=str(self.directory), env_vars={**self.environment, "PULUMI_BACKEND_URL": backend.as_uri()}
            ),
        )
        skip_summaries(self.stack)

    def _run(self) -> None:
        provider = k8s.Provider("cluster", context=self.cluster.context, cluster_identifier="test", **self.provider)
        self.declare(ResourceOptions(provider=provider))

    def up(self, declare: Declaration, **arguments: Any) -> Run:
        return self._observed(declare, self.stack.up, **arguments)

    def preview(self, declare: Declaration) -> Run:
        return self._observed(declare, self.stack.preview)

    def _observed(self, declare: Declaration, command: Any, **arguments: Any) -> Run:
        self.declare, run = declare, Run()
        try:
            command(on_event=run.observe, **arguments)
        except automation.CommandError:
            run.broken_off()
        return run

    def state(self) -> str:
        """The state as it is stored; an export would be decrypted."""
        (stored,) = (self.directory / "state").glob(".pulumi/stacks/**/dev.json")
        return stored.read_text()


@pytest.fixture
def program(
    cluster: Any, engine_environment: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Program]:
    # The Automation API looks for the engine before it applies the workspace's environment.
    monkeypatch.setenv("PATH", engine_environment["PATH"])
    program = Program(cluster, engine_environment, tmp_path)
    yield program
    program.stack.destroy()


def config_map(name: str, opts: ResourceOptions, **data: pulumi.Input[str]) -> k8s.core.v1.ConfigMap:
    return k8s.core.v1.ConfigMap(name, metadata={"name": name}, data=data, opts=opts)


def test_secrets_stay_secret(program: Program, api: DynamicClient) -> None:
    """In the state, in every event and in the words of an API server that quotes them."""
    passwords: list[str] = []

    def declare(opts: ResourceOptions) -> None:
        password = random.RandomPassword("password", length=24, special=False)
        password.result.apply(passwords.append)
        secret = k8s.core.v1.Secret(
            "secret",
            metadata={"name": "secret"},
            string_data={"password": password.result, "plain": SECRET},
            opts=opts,
        )
        config_map("derived", opts, password=password.result, copy=secret.data["plain"], open="open")

    run = program.up(declare)
    assert run.errors == []
    (password,) = passwords
    data = api.resources.get(api_version="v1", kind="Secret").get("secret", NAMESPACE).data
    assert base64.b64decode(data.password).decode() == password
    state = program.state()
    for value in (password, SECRET):
        for text in (value, base64.b64encode(value.encode()).decode()):
            assert text not in state
            assert not any(text in message for message in run.messages)
    assert '"open":"open"' in state

    refused = program.up(
        lambda opts: k8s.core.v1.ConfigMap(
            "bad", metadata={"labels": {"a": pulumi.Output.secret(f"{SECRET} !")}}, opts=opts
        )
    )
    assert "[secret]" in refused.errors[0]
    assert not any(SECRET in message for message in refused.messages)


def test_what_the_api_server_rewrites_is_no_change(program: Program) -> None:
    def declare(opts: ResourceOptions) -> None:
        k8s.core.v1.ResourceQuota(
            "quota",
            metadata={"name": "quota", "labels": {}},
            spec={"hard": {"requests.memory": "65536Mi", "requests.cpu": "8000m"}},
            opts=opts,
        )
        k8s.apps.v1.Deployment(
            "web",
            metadata={"name": "web", "annotations": {}},
            spec={
                "replicas": 0,
                "selector": {"match_labels": {"app": "web"}},
                "template": {
                    "metadata": {"labels": {"app": "web"}},
                    "spec": {
                        "host_network": False,
                        "containers": [
                            {
                                "name": "web",
                                "image": "web",
                                "env": [{"name": "EMPTY", "value": ""}],
                                "resources": {"limits": {"memory": "1024Mi", "cpu": "1000m"}},
                            }
                        ],
                    },
                },
            },
            opts=opts,
        )

    assert program.up(declare).errors == []
    again = program.up(declare, refresh=True)
    assert again.errors == []
    assert {step["op"] for step in again.steps.values()} <= {"refresh"}


def test_jobs_and_claims_are_waited_for(program: Program, api: DynamicClient) -> None:
    def declare(opts: ResourceOptions) -> None:
        k8s.core.v1.PersistentVolumeClaim(
            "claim",
            metadata={"name": "claim"},
            spec={
                "access_modes": ["ReadWriteOnce"],
                "storage_class_name": "waiting",
                "resources": {"requests": {"storage": "1Gi"}},
            },
            opts=opts,
        )
        k8s.batch.v1.Job(
            "job",
            metadata={"name": "job"},
            spec={
                "template": {
                    "spec": {"restart_policy": "Never", "containers": [{"name": "job", "image": "job"}]},
                }
            },
            opts=opts,
        )

    classes = api.resources.get(api_version="storage.k8s.io/v1", kind="StorageClass")
    classes.create(
        {
            "metadata": {"name": "waiting"},
            "provisioner": "kubernetes.io/no-provisioner",
            "volumeBindingMode": "WaitForFirstConsumer",
        }
    )
    try:
        assert program.up(declare).errors == []
    finally:
        classes.delete("waiting")
    status = api.resources.get(api_version="batch/v1", kind="Job").get("job", NAMESPACE).status
    assert status.succeeded == 1
    claims = api.resources.get(api_version="v1", kind="PersistentVolumeClaim")
    assert claims.get("claim", NAMESPACE).status.phase == "Pending"


def test_a_field_of_another_manager_is_left_to_it(program: Program, api: DynamicClient) -> None:
    """What an autoscaler needs: `ignore_changes` on the replicas, while the rest is updated."""

    def declare(image: str) -> Declaration:
        def deployment(opts: ResourceOptions) -> None:
            k8s.apps.v1.Deployment(
                "scaled",
                metadata={"name": "scaled"},
                spec={
                    "replicas": 1,
                    "selector": {"match_labels": {"app": "scaled"}},
                    "template": {
                        "metadata": {"labels": {"app": "scaled"}},
                        "spec": {"containers": [{"name": "web", "image": image}]},
                    },
                },
                opts=ResourceOptions.merge(opts, ResourceOptions(ignore_changes=["spec.replicas"])),
            )

        return deployment

    assert program.up(declare("web:1")).errors == []
    assert program.up(declare("web:2")).errors == []
    deployments = api.resources.get(api_version="apps/v1", kind="Deployment")
    deployments.scale.patch(
        name="scaled",
        namespace=NAMESPACE,
        body={"spec": {"replicas": 3}},
        content_type="application/merge-patch+json",
        field_manager="autoscaler",
    )
    run = program.up(declare("web:3"))
    assert run.errors == []
    spec = deployments.get("scaled", NAMESPACE).spec
    assert (spec.replicas, spec.template.spec.containers[0].image) == (3, "web:3")


def test_import(program: Program, api: DynamicClient) -> None:
    config_maps = api.resources.get(api_version="v1", kind="ConfigMap")
    config_maps.create({"metadata": {"name": "adopted"}, "data": {"by": "hand"}}, namespace=NAMESPACE)

    def declare(opts: ResourceOptions) -> None:
        imported = ResourceOptions(import_=f"{NAMESPACE}/adopted")
        config_map("adopted", ResourceOptions.merge(opts, imported), by="hand")

    run = program.up(declare)
    assert run.errors == []
    assert run.steps["kubernetes:core/v1:ConfigMap::adopted"]["op"] == "import"
    assert program.up(lambda opts: config_map("adopted", opts, by="hand")).steps == {}


def test_autonaming_creates_the_replacement_first(program: Program, api: DynamicClient) -> None:
    program.provider["enable_config_map_mutable"] = False

    def declare(value: str) -> Declaration:
        return lambda opts: k8s.core.v1.ConfigMap("auto", data={"a": value}, opts=opts)

    def names() -> list[str]:
        config_maps = api.resources.get(api_version="v1", kind="ConfigMap").get(namespace=NAMESPACE).items
        return [item.metadata.name for item in config_maps if item.metadata.name.startswith("auto-")]

    assert program.up(declare("1")).errors == []
    (first,) = names()
    assert len(first) == len("auto-") + 8
    assert program.up(declare("1")).steps == {}
    run = program.up(declare("2"))
    assert run.steps["kubernetes:core/v1:ConfigMap::auto"]["replaceReasons"] == ["data.a"]
    (second,) = names()
    assert second != first


@pytest.mark.parametrize(
    ("declare", "named"),
    [
        (lambda _: random.RandomPet("pet"), "random:index/randomPet:RandomPet"),
        (lambda opts: k8s.core.v1.Pod("pod", spec={"containers": []}, opts=opts), "kubernetes:core/v1:Pod"),
        (
            lambda opts: k8s.core.v1.ConfigMapPatch("patch", metadata={"name": "x"}, opts=opts),
            "kubernetes:core/v1:ConfigMapPatch",
        ),
        (lambda opts: k8s.helm.v3.Release("release", chart="chart", opts=opts), "kubernetes:helm.sh/v3:Release"),
    ],
)
def test_what_is_not_served_fails_by_name(program: Program, declare: Any, named: str) -> None:
    (error,) = program.preview(declare).errors
    assert f"does not serve the resource {named}" in error
    assert "Traceback" not in error


def test_an_option_that_would_be_ignored_is_refused(program: Program) -> None:
    program.provider["upsert_existing_objects"] = True
    errors = program.preview(lambda _: None).errors
    assert any("does not serve the option upsertExistingObjects" in error for error in errors)
    del program.provider["upsert_existing_objects"]


def test_unreachable_cluster(program: Program, tmp_path: Path) -> None:
    """A preview works, an update fails at the first object."""
    nowhere = tmp_path / "kubeconfig"
    text = program.cluster.kubeconfig.read_text()
    lines = [
        line.split("server:")[0] + "server: https://127.0.0.1:1" if "server:" in line else line
        for line in text.splitlines()
    ]
    nowhere.write_text("\n".join(lines))
    program.provider["kubeconfig"] = str(nowhere)
    planned = program.preview(lambda opts: config_map("nowhere", opts, a="b"))
    assert planned.errors == []
    assert planned.steps["kubernetes:core/v1:ConfigMap::nowhere"]["op"] == "create"
    (error,) = program.up(lambda opts: config_map("nowhere", opts, a="b")).errors
    assert error.startswith("configured Kubernetes cluster is unreachable: ")
    assert "Connection refused" in error


def test_waiting_ends_when_it_is_cancelled(cluster: Any, api: DynamicClient) -> None:
    """A cancelled update ends at once, and says so; it does not sit out its ten minutes."""
    deployment = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "never", "namespace": NAMESPACE},
        "spec": {
            "selector": {"matchLabels": {"app": "never"}},
            "template": {
                "metadata": {"labels": {"app": "never"}},
                "spec": {"nodeSelector": {"no": "node"}, "containers": [{"name": "x", "image": "y"}]},
            },
        },
    }
    options = {"kubeconfig": str(cluster.kubeconfig), "context": cluster.context}
    reached, cancelled = Cluster(Configuration(options), connections=4), threading.Event()
    live = reached.create(deployment, manager="test")
    waits = "Waiting for app ReplicaSet to be available (0/1 Pods available)"
    at: list[float] = []

    def cancel() -> None:
        at.append(time.monotonic())
        cancelled.set()
        reached.stop_watching()

    def report(message: str) -> None:
        # A moment later, when it watches again and nothing happens any more.
        if message == waits and not at:
            threading.Timer(1, cancel).start()

    with pytest.raises(NotReadyError, match="Resource operation was cancelled"):
        Waiting(reached, cancelled, report, seconds=600).until_ready(deployment, live)
    assert time.monotonic() - at[0] < 60
    api.resources.get(api_version="apps/v1", kind="Deployment").delete("never", NAMESPACE)
