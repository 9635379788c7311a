"""Adopting existing objects in the state alone, so that nothing changes in the cluster."""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pulumi import automation
from pulumi.automation import EngineEvent, OpType

from pulumi_values.special import plain_secret
from pulumi_values.urns import name_of, urn_of_reference
from terminal.errors import LocalError

from ..engine.workspace import run_pulumi
from . import plan
from .plan import Resource


def resources_of(stack: automation.Stack) -> list[Resource]:
    """The resources of the program, from a preview.

    Raises:
        CommandError: the preview failed.
    """
    resources: list[Resource] = []

    def take(event: EngineEvent) -> None:
        step = event.resource_pre_event.metadata if event.resource_pre_event else None
        if step and step.new and step.op in (OpType.CREATE, OpType.SAME, OpType.UPDATE):
            resources.append(
                Resource(
                    urn=step.urn,
                    type=step.type,
                    parent=step.new.parent or "",
                    provider=urn_of_reference(step.provider or ""),
                    inputs=step.new.inputs or {},
                    is_new=step.op == OpType.CREATE,
                )
            )

    stack.preview(on_event=take)
    return resources


def refuse(obstacles: Sequence[plan.Obstacle]) -> None:
    """Refuse the adoption if there are obstacles.

    Raises:
        LocalError: there are obstacles; the message contains the fix for each.
    """
    if obstacles:
        lines = [f"{each.subject}: {each.why}\n  fix: {each.remedy}" for each in obstacles]
        raise LocalError("nothing was adopted, and nothing was changed\n" + "\n".join(lines))


def take_over(stack: automation.Stack, resources: Sequence[Resource], existing: Mapping[str, Any]) -> list[str]:
    """Adopt existing objects into the state.

    Args:
        stack: whose state it is.
        resources: of the program.
        existing: objects of the cluster, by the URN of the resource that they become.

    Returns:
        Logical names of the passwords and keys that were adopted.

    Raises:
        CommandError: the engine failed; its completed steps are in the state, and another run continues.
        LocalError: the state could not be read or written.
    """
    # The objects name components as their parents and providers. Components depend on objects that are not in the state
    # yet, so the engine cannot create only them. Passwords and providers have no such dependencies.
    new = [each for each in resources if each.is_new and not each.is_object and not plan.is_fact(each)]
    components = [each for each in new if plan.is_component(each)]
    if components:
        _add(stack, components)
    others = [each.urn for each in new if each not in components]
    if others:
        stack.up(target=others, suppress_outputs=True, show_secrets=False)
    passwords = plan.passwords(resources, existing)
    keys = plan.encryption_key(resources, existing)
    _set_outputs(stack, {**dict.fromkeys(passwords, "result"), **dict.fromkeys(keys, "output")}, {**passwords, **keys})
    adopted = [each for each in resources if each.urn in existing]
    _add_objects(stack, adopted, existing)
    # Outputs come from a refresh, not from the engine's import: an import uses whole objects as inputs, with all
    # defaults of the cluster, which the program then seems to remove.
    targets = [argument for each in adopted for argument in ("--target", each.urn)]
    run_pulumi(stack.workspace, "refresh", "--yes", "--skip-preview", "--stack", stack.name, *targets)
    return [name_of(urn) for urn in (*passwords, *keys)]


def _add(stack: automation.Stack, components: Iterable[Resource]) -> None:
    state = _state(stack)
    entries = [
        {"urn": each.urn, "custom": False, "type": each.type, **({"parent": each.parent} if each.parent else {})}
        for each in components
    ]
    state["deployment"]["resources"] = [*(state["deployment"].get("resources") or []), *entries]
    _write(stack, state)


def _add_objects(stack: automation.Stack, resources: Iterable[Resource], existing: Mapping[str, Any]) -> None:
    state = _state(stack)
    known = state["deployment"]["resources"]
    references = {each["urn"]: f"{each['urn']}::{each['id']}" for each in known if each.get("id")}
    for each in resources:
        inputs = plan.own_fields(existing[each.urn], each.inputs)
        if each.inputs["kind"] == "Secret":
            contents = inputs.get("stringData", {})
            inputs["stringData"] = {name: plain_secret(json.dumps(value)) for name, value in contents.items()}
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


def _state(stack: automation.Stack) -> dict[str, Any]:
    # From the CLI: the Automation API exports decrypted secrets.
    state: dict[str, Any] = json.loads(run_pulumi(stack.workspace, "stack", "export", "--stack", stack.name))
    return state


def _write(stack: automation.Stack, state: Mapping[str, Any]) -> None:
    run_pulumi(stack.workspace, "stack", "import", "--stack", stack.name, stdin=json.dumps(state))


def _set_outputs(stack: automation.Stack, names: Mapping[str, str], values: Mapping[str, str]) -> None:
    """Set outputs of resources, their names by URN, to the values in use."""
    if not values:
        return
    state = _state(stack)
    for resource in state["deployment"]["resources"]:
        if value := values.get(resource["urn"]):
            resource["outputs"][names[resource["urn"]]] = plain_secret(json.dumps(value))
    _write(stack, state)
