"""Take over what was found: in the state alone, so that the cluster does not notice."""

import base64
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from kubernetes import client
from pulumi import automation
from pulumi.automation import EngineEvent, OpType

from devcluster.clusters.api import dynamic_client, find
from devcluster.clusters.choice import Cluster
from terminal.errors import LocalError

from ..deploy.workspace import run_pulumi
from . import plan
from .plan import Resource

_SECRET = {"4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270"}
"""Mark of a secret in a state: https://www.pulumi.com/docs/iac/concepts/state-and-backends/."""


def resources_of(stack: automation.Stack) -> list[Resource]:
    """The resources of the program, by a preview.

    Raises:
        CommandError: the preview failed.
    """
    found: list[Resource] = []

    def take(event: EngineEvent) -> None:
        step = event.resource_pre_event.metadata if event.resource_pre_event else None
        if step and step.new and step.op in (OpType.CREATE, OpType.SAME, OpType.UPDATE):
            found.append(
                Resource(
                    urn=step.urn,
                    type=step.type,
                    parent=step.new.parent or "",
                    provider=(step.provider or "").rpartition("::")[0],
                    inputs=step.new.inputs or {},
                    is_new=step.op == OpType.CREATE,
                )
            )

    stack.preview(on_event=take)
    return found


class Objects:
    """The objects of a cluster."""

    def __init__(self, cluster: Cluster) -> None:
        """Connect.

        Raises:
            LocalError: the cluster does not answer.
        """
        self._api = dynamic_client(cluster)

    def matching(self, resources: Iterable[Resource]) -> dict[str, dict[str, Any]]:
        """What has the kind and name of a resource, by its URN; the values of Secrets as text in ``stringData``.

        Raises:
            LocalError: the cluster did not say whether an object is there. Half of them must not be taken over.
        """
        found = {}
        for resource in resources:
            live = find(self._api, resource.inputs)
            if live is None:
                continue
            item = live.to_dict()
            if item["kind"] == "Secret":
                # What is no text is none of the stack's keys.
                values = {name: base64.b64decode(value) for name, value in (item.get("data") or {}).items()}
                item["stringData"] = {name: value.decode(errors="replace") for name, value in values.items()}
            found[resource.urn] = item
        return found

    def make_recreate(self, item: dict[str, Any]) -> None:
        """Have a Deployment end its pods before it starts new ones. Its pods stay: their template is the same.

        An apply could not: the fields of the other strategy that the cluster has filled in belong to nobody, and stay.

        Args:
            item: the Deployment; it has the new strategy afterwards, as the cluster has.

        Raises:
            LocalError: the cluster refuses.
        """
        kind = self._api.resources.get(api_version=item["apiVersion"], kind=item["kind"])
        try:
            self._api.patch(
                kind,
                name=item["metadata"]["name"],
                namespace=item["metadata"]["namespace"],
                body={"spec": {"strategy": {"type": "Recreate", "rollingUpdate": None}}},
                content_type="application/merge-patch+json",
            )
        except client.ApiException as error:
            raise _refused(f"{plan.title(item)} could not be given the strategy Recreate", error) from error
        item["spec"]["strategy"] = {"type": "Recreate"}

    def workloads(self, namespace: str) -> list[dict[str, Any]]:
        """Everything in a namespace that makes pods and keeps them.

        Raises:
            LocalError: the cluster refuses.
        """
        items: list[dict[str, Any]] = []
        for name in ("Deployment", "StatefulSet", "DaemonSet"):
            kind = self._api.resources.get(api_version="apps/v1", kind=name)
            try:
                items += self._api.get(kind, namespace=namespace).to_dict()["items"]
            except client.ApiException as error:
                raise _refused(f"the {name}s of {namespace} could not be listed", error) from error
        return items


def _refused(what: str, error: client.ApiException) -> LocalError:
    return LocalError(f"nothing was taken over: {what}, the cluster answers {error.status} {error.reason}")


def refuse(obstacles: Sequence[plan.Obstacle]) -> None:
    """Say what stands against it.

    Raises:
        LocalError: something does; says what to do.
    """
    if obstacles:
        lines = [f"{each.subject}: {each.why}\n  fix: {each.remedy}" for each in obstacles]
        raise LocalError("nothing was taken over, and nothing was changed\n" + "\n".join(lines))


def take_over(stack: automation.Stack, resources: Sequence[Resource], found: Mapping[str, Any]) -> list[str]:
    """Put what was found into the state.

    Args:
        stack: to put it into.
        resources: of the program.
        found: objects of the cluster, by the URN of the resource that they become.

    Returns:
        Logical names of the passwords and keys that were taken over.

    Raises:
        CommandError: the engine failed; what it has done is in the state, and another run goes on.
        LocalError: the state could not be read or written.
    """
    # The objects name components as their parents and providers. Components depend on objects that are not in the state
    # yet, for which the engine would not create them alone; passwords and providers depend on nothing else.
    new = [each for each in resources if each.is_new and not each.is_object and not plan.is_fact(each)]
    components = [each for each in new if plan.is_component(each)]
    if components:
        _add(stack, components)
    others = [each.urn for each in new if each not in components]
    if others:
        stack.up(target=others, suppress_outputs=True, show_secrets=False)
    known = plan.passwords(resources, found)
    kept = plan.encryption_key(resources, found)
    _set_outputs(stack, {**dict.fromkeys(known, "result"), **dict.fromkeys(kept, "output")}, {**known, **kept})
    adopted = [each for each in resources if each.urn in found]
    _add_objects(stack, adopted, found)
    # What the cluster says of them. Not by the engine's import: for inputs it takes whole objects, with all that the
    # cluster has filled in, which the program then seems to remove.
    targets = [argument for each in adopted for argument in ("--target", each.urn)]
    run_pulumi(stack.workspace, "refresh", "--yes", "--skip-preview", "--stack", stack.name, *targets)
    return [urn.rpartition("::")[2] for urn in (*known, *kept)]


def _add(stack: automation.Stack, components: Iterable[Resource]) -> None:
    state = _state(stack)
    entries = [
        {"urn": each.urn, "custom": False, "type": each.type, **({"parent": each.parent} if each.parent else {})}
        for each in components
    ]
    state["deployment"]["resources"] = [*(state["deployment"].get("resources") or []), *entries]
    _write(stack, state)


def _add_objects(stack: automation.Stack, resources: Iterable[Resource], found: Mapping[str, Any]) -> None:
    state = _state(stack)
    known = state["deployment"]["resources"]
    references = {each["urn"]: f"{each['urn']}::{each['id']}" for each in known if each.get("id")}
    for each in resources:
        inputs = plan.own_fields(found[each.urn], each.inputs)
        if each.inputs["kind"] == "Secret":
            inputs["stringData"] = {name: _secret(value) for name, value in inputs.get("stringData", {}).items()}
        known.append(
            {
                "urn": each.urn,
                "custom": True,
                "id": each.identifier,
                "type": each.type,
                "inputs": inputs,
                "parent": each.parent,
                "provider": references[each.provider],
            }
        )
    _write(stack, state)


def _secret(value: str) -> dict[str, str]:
    """A value that the engine encrypts when it reads it."""
    return {**_SECRET, "plaintext": json.dumps(value)}


def _state(stack: automation.Stack) -> dict[str, Any]:
    # By the CLI: what the Automation API exports has its secrets decrypted.
    state: dict[str, Any] = json.loads(run_pulumi(stack.workspace, "stack", "export", "--stack", stack.name))
    return state


def _write(stack: automation.Stack, state: Mapping[str, Any]) -> None:
    run_pulumi(stack.workspace, "stack", "import", "--stack", stack.name, stdin=json.dumps(state))


def _set_outputs(stack: automation.Stack, names: Mapping[str, str], values: Mapping[str, str]) -> None:
    """Give outputs of resources, whose names are by URN, the values in use."""
    if not values:
        return
    state = _state(stack)
    for resource in state["deployment"]["resources"]:
        if value := values.get(resource["urn"]):
            resource["outputs"][names[resource["urn"]]] = _secret(value)
    _write(stack, state)
