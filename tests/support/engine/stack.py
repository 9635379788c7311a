"""The project's own program as a stack of the test cluster: run by the real engine, watched from both ends."""

import base64
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml
from kubernetes import client, config
from kubernetes.dynamic import DynamicClient
from pulumi import automation
from pulumi.automation import EngineEvent, OpType

from devcluster.clusters.choice import Cluster
from host.waiting import attempts
from pulumi_values.urns import resource_name
from stack_config.files import ROOT, holds_encrypted, set_path, stack_file
from stack_config.load import PROJECT
from stackctl.deploy.preview_file import preview_to_file
from stackctl.engine.workspace import run_program, run_pulumi
from tests.support.engine.pulumi_commands import skip_summaries

GIVEN_SECRETS = {"openaiApiKey": "sk-given/by+the=user&only", "FEISHU_CLIENT_SECRET": "oauth-given/by+the=user&only"}
"""Secrets that the user of the base stack has set: a key of the stack, and one with the name of a variable."""
BASE_NAMESPACE = "rag-system"
"""Namespace of the stack that the tests share."""
APPLICATIONS = ("redis", "postgres", "tika", "open-webui")
PREFLIGHT = "open-webui-preflight"
PREFLIGHT_AGAIN = frozenset({f"{step} Job {PREFLIGHT}" for step in ("delete-replaced", "create-replacement")})
"""What every change of the web pods brings with it."""
KEPT_IN_CONFIG = "encryptionsalt"
# A replacement is told by the two steps it consists of, a refresh by what it finds.
_NO_CHANGE = frozenset({OpType.SAME, OpType.REPLACE, OpType.READ, OpType.REFRESH})


@dataclass
class Run:
    """What one command of the engine did and said."""

    changes: set[str] = field(default_factory=set)
    """Steps that change something, as ``update ConfigMap redis-conf``: operation, kind, logical name."""

    registered: set[str] = field(default_factory=set)
    """Resources that had a step at all, as ``ConfigMap redis-conf``."""

    errors: list[str] = field(default_factory=list)
    """Messages of its errors."""

    text: list[str] = field(default_factory=list)
    """Everything it said: output, errors, events as JSON."""

    def observe(self, event: EngineEvent) -> None:
        """Take one engine event; to be passed as ``on_event``."""
        self.text.append(json.dumps(event, default=lambda part: getattr(part, "__dict__", str(part))))
        step = event.resource_pre_event or event.res_outputs_event
        if step:
            name = resource_name(step.metadata.urn)
            self.registered.add(name)
            if step.metadata.op not in _NO_CHANGE:
                self.changes.add(f"{step.metadata.op.value} {name}")
        if event.diagnostic_event and event.diagnostic_event.severity == "error":
            self.errors.append(event.diagnostic_event.message)

    @property
    def error(self) -> str:
        """All its errors as one text."""
        return "\n".join(self.errors)


class Stack:
    """One stack of the program. Settings are ``KEY=VALUE`` as on the command line of `stackctl`."""

    def __init__(
        self,
        environment: str,
        cluster: Cluster,
        variables: Mapping[str, str],
        directory: Path,
        sets: Iterable[str] = (),
        secrets: Mapping[str, str] | None = None,
        stack_files: Path = ROOT,
    ) -> None:
        """Make the stack, with nothing deployed.

        Args:
            environment: name of the stack and of the `Pulumi.<name>.yaml` it starts from.
            cluster: where it is deployed to.
            variables: environment variables of the engine.
            directory: an empty one, for the project file and the config.
            sets: config over the environment's.
            secrets: secret config keys and their values; a path such as ``secretEnv.NAME`` is a member of an object.
            stack_files: directory of the `Pulumi.<name>.yaml`.
        """
        self.environment = environment
        self._source = stack_file(environment, stack_files)
        self.sets = list(sets)
        self.transcript: list[str] = []
        """Everything that the commands on this stack have said so far."""
        self._variables = dict(variables)
        self._file = directory / f"Pulumi.{environment}.yaml"
        (directory / "Pulumi.yaml").write_text((ROOT / "Pulumi.yaml").read_text())
        with pytest.MonkeyPatch.context() as patch:
            # The Automation API looks for the engine before it applies the workspace's environment.
            patch.setenv("PATH", variables["PATH"])
            self._stack = automation.create_stack(
                stack_name=environment,
                project_name=PROJECT,
                program=run_program,
                opts=automation.LocalWorkspaceOptions(
                    work_dir=str(directory), env_vars=self._variables, secrets_provider="passphrase"
                ),
            )
        skip_summaries(self._stack)
        self.use(cluster)
        for key, value in (secrets or {}).items():
            self.pulumi("config", "set", "--secret", *(["--path"] if "." in key else []), key, stdin=value)

    def use(self, cluster: Cluster) -> None:
        """Deploy to another cluster, or to the same one under another name, from now on."""
        self.cluster = cluster
        self.use_kubeconfig(str(cluster.kubeconfig))
        self.configure()

    def use_kubeconfig(self, value: str | None, **variables: str) -> None:
        """Set what a user's shell has from now on: ``KUBECONFIG``, or None for a shell without it, and others."""
        self._variables |= variables
        self._variables.pop("KUBECONFIG", None)
        if value is not None:
            self._variables["KUBECONFIG"] = value

    def variable(self, name: str) -> str | None:
        """An environment variable of the engine."""
        return self._variables.get(name)

    @property
    def directory(self) -> Path:
        """The directory of the project file and of the config file."""
        return self._file.parent

    def up(self, *sets: str, fails: bool = False, **options: Any) -> Run:
        """Deploy with ``sets`` over the stack's own; whether it fails is checked."""
        return self._run(self._stack.up, sets, fails, options)

    def keep(self, *sets: str) -> Run:
        """Deploy ``sets`` and make them the stack's own."""
        self.sets += sets
        return self.up()

    def preview(
        self, *sets: str, fails: bool = False, observe: Callable[[EngineEvent], None] | None = None, **options: Any
    ) -> Run:
        """Preview with ``sets`` over the stack's own; whether it fails is checked. ``observe`` gets every event."""
        return self._run(self._stack.preview, sets, fails, options, observe)

    def preview_as_json(self, *sets: str, fails: bool = False) -> str:
        """What the CLI prints of a preview with ``sets``, as JSON; whether it fails is checked."""
        file = self._file.with_name("preview.json")

        def preview(*, on_event: Any, **_: Any) -> None:
            preview_to_file(self._stack, file, on_event)

        self._run(preview, sets, fails, {})
        return file.read_text()

    def refresh(self, *, fails: bool = False, **options: Any) -> Run:
        """Compare the state with the cluster; whether it fails is checked."""
        return self._run(self._stack.refresh, (), fails, options)

    def destroy(self, *, fails: bool = False, **options: Any) -> Run:
        """Destroy everything of the stack; whether it fails is checked.

        With a preview first, as the CLI does it: without one, what is not protected is deleted before the engine comes
        to the first protected resource and fails.
        """
        planned = self._run(self._stack.preview_destroy, (), fails, {})
        return planned if fails else self._run(self._stack.destroy, (), fails, options)

    def pulumi(self, *arguments: str, stdin: str = "") -> str:
        """Output of a command of the CLI on this stack."""
        return run_pulumi(self._stack.workspace, *arguments, "--stack", self.environment, stdin=stdin)

    def outputs(self) -> dict[str, str]:
        """The stack's outputs in plain text."""
        return dict(json.loads(self.pulumi("stack", "output", "--json", "--show-secrets")))

    def state(self) -> dict[str, Any]:
        """The deployment as `pulumi stack export` gives it."""
        # Not the Automation API's own export: that has the secrets decrypted.
        return dict(json.loads(self.pulumi("stack", "export"))["deployment"])

    def resources(self) -> dict[str, dict[str, Any]]:
        """The resources in the state by kind and name."""
        return {resource_name(resource["urn"]): resource for resource in self.state().get("resources", [])}

    def config(self) -> dict[str, Any]:
        """What the stack's config file holds."""
        return dict(yaml.safe_load(self._file.read_text())["config"])

    def configure(self, *sets: str) -> None:
        """Write the config file: the environment's, the stack's own settings, ``sets``; secrets stay."""
        before = yaml.safe_load(self._file.read_text()) if self._file.exists() else {}
        values = yaml.safe_load(self._source.read_text())["config"]
        configured = {key: value for key, value in (before.get("config") or {}).items() if holds_encrypted(value)}
        for assignment in (f"kubeContext={self.cluster.context}", *self.sets, *sets):
            set_path(values, assignment, PROJECT)
        salt = {KEPT_IN_CONFIG: before[KEPT_IN_CONFIG]} if KEPT_IN_CONFIG in before else {}
        self._file.write_text(yaml.safe_dump({**salt, "config": values | configured}))

    def _run(
        self,
        command: Callable[..., Any],
        sets: Iterable[str],
        fails: bool,
        options: dict[str, Any],
        observe: Callable[[EngineEvent], None] | None = None,
    ) -> Run:
        self.configure(*sets)
        run = Run()

        def on_event(event: EngineEvent) -> None:
            run.observe(event)
            if observe:
                observe(event)

        with pytest.MonkeyPatch.context() as patch:
            # Of the program, too, which runs in this process and not as a child of the engine.
            patch.delenv("KUBECONFIG", raising=False)
            for name in ("KUBECONFIG", "HOME"):
                if name in self._variables:
                    patch.setenv(name, self._variables[name])
            try:
                command(on_output=run.text.append, on_error=run.text.append, on_event=on_event, **options)
            except automation.CommandError as error:
                run.text.append(str(error))
                run.errors = run.errors or [str(error)]
        self.transcript += run.text
        assert bool(run.errors) == fails, run.error or "it succeeded"
        return run


StackFactory = Callable[..., Stack]


class Namespace:
    """One namespace as the API server has it."""

    def __init__(self, cluster: Cluster, name: str) -> None:
        self.name = name
        api = config.new_client_from_config(str(cluster.kubeconfig), context=cluster.context)
        # Untyped: in the models every field may be None, in what the API server answers it is not.
        self.core: Any = client.CoreV1Api(api)
        self.apps: Any = client.AppsV1Api(api)
        self.dynamic: Any = DynamicClient(api)

    def exists(self) -> bool:
        """Whether there is such a namespace."""
        return self.name in {namespace.metadata.name for namespace in self.core.list_namespace().items}

    def wait_until_gone(self) -> None:
        """Wait until all that was in it is deleted.

        Raises:
            AssertionError: it is still there after a minute.
        """
        is_gone = any(not self.exists() for _ in attempts(seconds=60, every=0.5))
        assert is_gone, f"the namespace {self.name} is still there"

    def wait_until_available(self, deployment: str, replicas: int) -> None:
        """Wait for what an autoscaler starts after the update that created it.

        Raises:
            AssertionError: there are not that many available replicas after a minute.
        """
        assert any(
            self.apps.read_namespaced_deployment(deployment, self.name).status.available_replicas == replicas
            for _ in attempts(seconds=60, every=0.5)
        ), f"{deployment} has not {replicas} available replicas"

    def pods(self, app: str | None = None) -> list[Any]:
        """Its pods that serve, all or those of one application; those of a Job are at their end."""
        selector = f"app={app}" if app else ""
        unfinished = "status.phase!=Succeeded"
        return list(self.core.list_namespaced_pod(self.name, label_selector=selector, field_selector=unfinished).items)

    def secret(self, name: str) -> dict[str, str]:
        """Contents of a Secret in plain text."""
        return _plain_text(self.core.read_namespaced_secret(name, self.name).data)

    def secrets(self) -> dict[str, dict[str, str]]:
        """Contents of all Secrets in plain text."""
        items = self.core.list_namespaced_secret(self.name).items
        return {item.metadata.name: _plain_text(item.data) for item in items}

    def revisions(self) -> dict[str, str]:
        """Revision of the pod template that each application runs: another one means that its pods were rolled."""
        revisions = {
            deployment.metadata.name: deployment.metadata.annotations["deployment.kubernetes.io/revision"]
            for deployment in self.apps.list_namespaced_deployment(self.name).items
        }
        for stateful_set in self.apps.list_namespaced_stateful_set(self.name).items:
            revisions[stateful_set.metadata.name] = stateful_set.status.current_revision
        return revisions

    def refusals(self) -> list[str]:
        """Messages about pods that could not be created, because of the quota, of Pod Security or of anything else."""
        events = self.core.list_namespaced_event(self.name).items
        return [event.message for event in events if event.reason == "FailedCreate"]

    def objects(self) -> list[dict[str, Any]]:
        """Every object of every kind that can be listed, the namespace itself included."""
        namespace = self.core.api_client.sanitize_for_serialization(self.core.read_namespace(self.name))
        objects = [{**namespace, "kind": "Namespace"}]
        # The client keeps the kinds that it has found in a file: a definition that a test removed would be asked for.
        self.dynamic.resources.invalidate_cache()
        for kind in self.dynamic.resources.search():
            if kind.namespaced and "list" in (kind.verbs or []) and not kind.kind.endswith("List"):
                items = self.dynamic.get(kind, namespace=self.name).to_dict()["items"]
                # In lists the items do not say what they are.
                objects += [{**item, "kind": kind.kind} for item in items]
        return objects

    def identities(self) -> dict[str, str]:
        """UIDs by kind and name of what the stack puts there: another one means that the object was replaced."""
        kinds = {
            "ConfigMap",
            "CronJob",
            "Deployment",
            "Job",
            "NetworkPolicy",
            "PersistentVolumeClaim",
            "PodDisruptionBudget",
        }
        kinds |= {"ResourceQuota", "LimitRange", "Secret", "Service", "ServiceAccount", "StatefulSet", "Namespace"}
        return {
            f"{item['kind']} {item['metadata']['name']}": item["metadata"]["uid"]
            for item in self.objects()
            if item["kind"] in kinds
        }


def _plain_text(data: Mapping[str, str]) -> dict[str, str]:
    return {key: base64.b64decode(value).decode() for key, value in data.items()}
