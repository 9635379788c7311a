"""The emulators decide about the stack's own resources what the official providers decided.

``previews/states/official-stack.json`` has every step of `tests.support.previews.OFFICIAL_STACK` that is not `same`:
the states before and after it by the official providers, without ``managedFields`` and ``status``. The answers of a
real API server are compared in ``tests/engine/test_recordings.py``.
"""

import json
from typing import Any

import pytest
from pulumi.runtime.proto import provider_pb2

from emulators.kubernetes_provider import KubernetesProvider
from emulators.plugin import Engine, Provider
from emulators.property_values import UNKNOWN, Secret, decode, encode
from emulators.random_provider import RandomProvider
from pulumi_values.property_paths import parse
from pulumi_values.special import SECRET
from pulumi_values.urns import resource_name, type_of
from tests.support.previews import DIRECTORY, OFFICIAL_STACK

Step = dict[str, Any]
STEPS: list[Step] = json.loads((DIRECTORY / "states" / "official-stack.json").read_text())
CHANGED = [step for step in STEPS if step["op"] in ("update", "replace")]
PROVIDER = {"enableSecretMutable": "true", "enableConfigMapMutable": "true", "enablePatchForce": "true"}
"""The provider's options in `__main__.py` that decide about a diff."""


def named(step: Step) -> str:
    return f"{step['recording']}: {resource_name(urn(step))}"


def urn(step: Step) -> str:
    return f"urn:pulumi:dev::open-webui-stack::{step['urn']}"


def provider_of(step: Step) -> Provider:
    if type_of(urn(step)).startswith("random:"):
        return RandomProvider(Engine(None))
    provider = KubernetesProvider(Engine(None))
    provider.configure(provider_pb2.ConfigureRequest(args=encode(PROVIDER)))
    return provider


def revealed(value: Any, name: str = "") -> Any:
    """The recorded value with something in the place of the secrets.

    The recording shows neither names nor values of a Secret. Known values are in ``data``; ``stringData`` remains only
    where a value is unknown.
    """
    if value == SECRET:
        return Secret({"key": UNKNOWN} if name == "stringData" else {"key": "dmFsdWU="} if name == "data" else "value")
    if isinstance(value, dict):
        return {key: revealed(member, key) for key, member in value.items()}
    return [revealed(element) for element in value] if isinstance(value, list) else value


def diff(step: Step) -> Any:
    request = provider_pb2.DiffRequest(
        urn=urn(step),
        olds=encode(revealed(step["oldOutputs"])),
        old_inputs=encode(revealed(step["oldInputs"])),
        news=encode(revealed(step["newInputs"])),
    )
    return provider_of(step).diff(request)  # type: ignore[attr-defined]


def kinds(step: Step, response: Any) -> dict[str, str]:
    """The detailed diff in the words of a preview. The engine itself makes a replacement of `replaceOnChanges`."""
    forced = [parse(path) for path in step.get("replaceOnChanges", ())]
    made = {}
    for path, change in response.detailedDiff.items():
        kind = provider_pb2.PropertyDiff.Kind.Name(change.kind).lower().replace("_", "-")
        replaces = any(parse(path)[: len(steps)] == steps for steps in forced)
        made[path] = f"{kind}-replace" if replaces and not kind.endswith("-replace") else kind
    return made


def test_every_recording_is_replayed() -> None:
    assert {f"official-stack-{step['recording']}" for step in STEPS} == set(OFFICIAL_STACK)
    for name in OFFICIAL_STACK:
        recorded = json.loads((DIRECTORY / f"{name}.json").read_text())["steps"]
        custom = [each for each in recorded if each["op"] != "same"]
        states = [(step["op"], step["urn"]) for step in STEPS if f"official-stack-{step['recording']}" == name]
        assert sorted((each["op"], each["urn"].split("::", 2)[2]) for each in custom) == sorted(states)


@pytest.mark.parametrize("step", CHANGED, ids=named)
def test_the_same_properties_change_in_the_same_way(step: Step) -> None:
    response = diff(step)
    assert kinds(step, response) == step["detailedDiff"]
    assert sorted(response.replaces) == sorted(step.get("replaceReasons", ()))
    assert [path for path, change in response.detailedDiff.items() if change.inputDiff] == step.get("inputDiff", [])


@pytest.mark.parametrize("step", CHANGED, ids=named)
def test_what_does_not_change_is_not_a_difference(step: Step) -> None:
    response = diff({**step, "newInputs": step["oldInputs"]})
    assert response.changes == provider_pb2.DiffResponse.DIFF_NONE
    assert dict(response.detailedDiff) == {}


@pytest.mark.parametrize("step", STEPS, ids=named)
def test_checked_inputs_are_those_of_the_official_provider(step: Step) -> None:
    inputs = revealed(step["newInputs"])
    request = provider_pb2.CheckRequest(
        urn=urn(step), olds=encode(revealed(step.get("oldInputs", {}))), news=encode(inputs)
    )
    response = provider_of(step).check(request)  # type: ignore[attr-defined]
    assert list(response.failures) == []
    assert decode(response.inputs) == decode(encode(inputs))


@pytest.mark.parametrize("step", [step for step in STEPS if step["op"] == "create"], ids=named)
def test_a_created_resource_has_the_outputs_of_a_preview(step: Step) -> None:
    request = provider_pb2.CreateRequest(urn=urn(step), properties=encode(step["newInputs"]), preview=True)
    response = provider_of(step).create(request)  # type: ignore[attr-defined]
    assert response.id == ""
    assert {name for name, value in decode(response.properties).items() if value == Secret(UNKNOWN)} >= {"result"}
