"""The whole program under mocks, every registration kept with what the mocks themselves do not show."""

import asyncio
import logging
import runpy
import sys
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import pulumi
from pulumi.runtime import mocks, rpc
from pulumi.runtime.config import set_all_config

from stack_config.files import ROOT, StackConfig, read_stack
from stack_config.load import PROJECT

KUBERNETES = "kubernetes:"
GENERATED = "random:index/randomPassword:RandomPassword"
STASH = "pulumi:index:Stash"


@dataclass(frozen=True, kw_only=True)
class Registration:
    """One resource as the program registered it."""

    type: str
    name: str
    inputs: Mapping[str, Any]
    parent: str
    provider: str
    dependencies: frozenset[str]
    protect: bool
    retain_on_delete: bool
    aliases: frozenset[tuple[str, str]]
    custom: bool
    replace_on_changes: tuple[str, ...]
    delete_before_replace: bool
    ignore_changes: tuple[str, ...]
    custom_timeouts: Mapping[str, str]
    """``create``, ``update``, ``delete``; empty where none is set."""

    urn: str

    @property
    def kind(self) -> str:
        return self.type.rpartition(":")[2]

    def plain(self, *path: str | int) -> Any:
        """The value at a path of the inputs, secrets unwrapped."""
        value: Any = dict(self.inputs)
        for step in path:
            value = plain(value)[step]
        return plain(value)


def plain(value: Any) -> Any:
    return rpc.unwrap_rpc_secret(value) if rpc.is_rpc_secret(value) else value


@dataclass
class Recording:
    """Everything that one run registered, and its outputs."""

    resources: list[Registration] = field(default_factory=list)
    outputs: dict[str, Any] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)

    def one(self, kind: str, name: str | None = None) -> Registration:
        """The only resource of that kind, or of that kind and logical name, components aside."""
        [matching] = [r for r in self.resources if r.custom and r.kind == kind and name in (None, r.name)]
        return matching

    def of_type(self, prefix: str) -> list[Registration]:
        """The resources whose type starts so."""
        return [r for r in self.resources if r.type.startswith(prefix)]

    def waits_for(self, resource: Registration) -> set[str]:
        """URNs of all that has to exist before the resource: a child also waits for what its component waits for."""
        by_urn = {r.urn: r for r in self.resources}
        matching: set[str] = set()
        queue = [resource]
        while queue:
            current = queue.pop()
            for urn in {*current.dependencies, current.parent} - matching:
                matching.add(urn)
                queue += [by_urn[urn]] if urn in by_urn else []
        return matching

    @property
    def objects(self) -> list[Registration]:
        """The Kubernetes objects."""
        return self.of_type(KUBERNETES)

    @property
    def pods(self) -> dict[str, dict[str, Any]]:
        """Spec of the pods of each workload."""
        workloads = [r for r in self.objects if r.kind in ("Deployment", "StatefulSet")]
        return {r.name: r.inputs["spec"]["template"]["spec"] for r in workloads}

    @property
    def every_pod(self) -> dict[str, dict[str, Any]]:
        """Spec of the pods of each workload, and of those that come to an end."""
        schedules = {r.name: r.inputs["spec"]["jobTemplate"] for r in self.objects if r.kind == "CronJob"}
        jobs = schedules | {r.name: r.inputs for r in self.objects if r.kind == "Job"}
        return self.pods | {name: job["spec"]["template"]["spec"] for name, job in jobs.items()}

    @property
    def containers(self) -> dict[str, dict[str, Any]]:
        """Every container of every pod, ``pod/container``, init containers included."""
        return {
            f"{pod}/{container['name']}": container
            for pod, spec in self.every_pod.items()
            for container in [*spec.get("initContainers", []), *spec["containers"]]
        }


class _Monitor(mocks.MockMonitor):
    """Mocks see type, name and inputs; parents, protection and the rest are only in the request."""

    def __init__(self, recording: Recording, *, unknowns: bool, stashes: Mapping[str, str]) -> None:
        self._values = _Values(unknowns, stashes)
        super().__init__(self._values)
        self._recording = recording

    def RegisterResource(self, request: Any) -> Any:  # noqa: N802 (the protocol's name)
        response = mocks.MockMonitor.RegisterResource(self, request)
        if request.type != "pulumi:pulumi:Stack":
            self._recording.resources.append(
                Registration(
                    type=request.type,
                    name=request.name,
                    inputs=self._values.inputs.pop((request.type, request.name)),
                    parent=request.parent,
                    provider=request.provider,
                    dependencies=frozenset(request.dependencies),
                    protect=request.protect,
                    retain_on_delete=request.retainOnDelete,
                    aliases=frozenset((alias.spec.name, alias.spec.parentUrn) for alias in request.aliases),
                    custom=request.custom,
                    replace_on_changes=tuple(request.replaceOnChanges),
                    delete_before_replace=request.deleteBeforeReplace,
                    ignore_changes=tuple(request.ignoreChanges),
                    custom_timeouts={
                        name: getattr(request.customTimeouts, name) for name in ("create", "update", "delete")
                    },
                    urn=response.urn,
                )
            )
        return response

    def RegisterResourceOutputs(self, request: Any) -> Any:  # noqa: N802 (the protocol's name)
        self.outputs = rpc.deserialize_properties(request.outputs)
        return mocks.MockMonitor.RegisterResourceOutputs(self, request)


@dataclass
class _Values(mocks.Mocks):
    """Answers as the providers do: returns the inputs and made-up generated values."""

    unknowns: bool
    stashes: Mapping[str, str]
    inputs: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    """Of what is being registered, by type and name."""

    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str | None, dict[str, Any]]:
        self.inputs[args.typ, args.name] = args.inputs
        # Of an object the program reads its name; the SDK would copy all the rest again.
        of_object = args.typ.startswith(KUBERNETES)
        outputs = {"metadata": args.inputs["metadata"]} if of_object else dict(args.inputs)
        if args.typ == GENERATED and not self.unknowns:
            # With characters that a URL has to quote.
            outputs["result"] = pulumi.Output.secret(f"generated/{args.name}@%")
        if args.typ == STASH and not self.unknowns:
            kept = self.stashes.get(args.name)
            outputs["output"] = args.inputs["input"] if kept is None else pulumi.Output.secret(kept)
        return args.name, outputs

    def call(self, _args: mocks.MockCallArgs) -> tuple[dict[str, Any], list[tuple[str, str]] | None]:
        return {}, None


class _Log(logging.Logger):
    """Keeps the warnings that the program gives the engine."""

    def __init__(self, recording: Recording) -> None:
        super().__init__("engine")
        self._recording = recording

    def warning(self, msg: object, *_arguments: object, **_options: Any) -> None:
        self._recording.warnings.append(str(msg))


class _AtOnce(ThreadPoolExecutor):
    """The mocks answer without waiting for anything, so no thread is needed for what they are asked."""

    def submit(self, call: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        try:
            future.set_result(call(*args, **kwargs))
        except Exception as error:
            future.set_exception(error)
        return future


def run(
    environment: str = "dev",
    sets: Iterable[str] = (),
    secrets: Mapping[str, str] | None = None,
    *,
    preview: bool = False,
    stashes: Mapping[str, str] | None = None,
) -> Recording:
    """Run the program as the engine would with this config.

    Args:
        environment: ``dev``, ``prod`` ...
        sets: ``KEY=VALUE`` over the environment's config.
        secrets: secret config keys and their values.
        preview: leave generated values unknown, as in the preview of a new stack.
        stashes: what the Stash resources have kept from an earlier update, by logical name; others keep their input.
    """
    config = read_stack(environment, ["kubeContext=test", *sets])
    return run_config(config, environment, secrets or {}, preview=preview, stashes=stashes or {})


def run_config(
    config: StackConfig,
    stack: str,
    secrets: Mapping[str, str],
    *,
    preview: bool = False,
    stashes: Mapping[str, str] | None = None,
) -> Recording:
    """Run the program with a config as `read_stack` gives it."""
    # With each registration the SDK reads the call stack, for nothing that is recorded here: a fifth of the time.
    limit = getattr(sys, "tracebacklimit", 1000)
    sys.tracebacklimit = 1
    try:
        return _run_config(config, stack, secrets, preview=preview, stashes=stashes or {})
    finally:
        sys.tracebacklimit = limit


def _run_config(
    config: StackConfig, stack: str, secrets: Mapping[str, str], *, preview: bool, stashes: Mapping[str, str]
) -> Recording:
    configured = {f"{PROJECT}:{key}": value for key, value in secrets.items()}
    recording = Recording()
    loop = asyncio.new_event_loop()
    loop.set_default_executor(_AtOnce())
    asyncio.set_event_loop(loop)
    try:
        monitor = _Monitor(recording, unknowns=preview, stashes=stashes)
        log = _Log(recording)
        mocks.set_mocks(monitor.mocks, project=PROJECT, stack=stack, preview=preview, logger=log, monitor=monitor)
        set_all_config({**config.values, **configured}, [*config.secret_keys, *configured])
        exported: dict[str, Any] = {}

        def program() -> None:
            export = pulumi.export

            def record(name: str, value: Any) -> None:
                exported[name] = value
                export(name, value)

            pulumi.export = record
            try:
                runpy.run_path(str(ROOT / "__main__.py"), run_name="__main__")
            finally:
                pulumi.export = export

        pulumi.runtime.test(program)()
        for name, value in exported.items():
            output = pulumi.Output.from_input(value)
            recording.outputs[name] = (
                loop.run_until_complete(output.future()),
                loop.run_until_complete(output.is_secret()),
            )
    finally:
        loop.close()
    return recording
