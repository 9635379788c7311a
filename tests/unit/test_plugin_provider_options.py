"""The options of the caller's Kubernetes provider that a component checks."""

from collections.abc import Mapping
from typing import Any

import pytest

from plugin.caller_provider import report
from tests.support.unit.component_arguments import UNKNOWN, wrapped

RIGHT: Mapping[str, Any] = {
    "enableSecretMutable": "true",
    "enableConfigMapMutable": "true",
    "clusterIdentifier": "team-chat",
}


def refused(options: Mapping[str, Any], environment: Mapping[str, str] | None = None) -> list[str]:
    """The names of the refused options."""
    text = report("chat", {name: wrapped(value) for name, value in options.items()}, environment or {})
    return [part.partition(":")[0] for part in text.split("\n\n")[1:-1]]


def without(option: str) -> dict[str, Any]:
    """The right options but one."""
    return {name: value for name, value in RIGHT.items() if name != option}


def test_right_options_have_no_report() -> None:
    assert report("chat", {name: wrapped(value) for name, value in RIGHT.items()}, {}) == ""


def test_the_booleans_of_a_yaml_program_are_right() -> None:
    assert refused({**RIGHT, "enableSecretMutable": True, "enableConfigMapMutable": True}) == []


@pytest.mark.parametrize("option", RIGHT)
def test_a_missing_option_is_refused(option: str) -> None:
    assert refused(without(option)) == [option]


@pytest.mark.parametrize("value", ["false", False])
@pytest.mark.parametrize("option", ["enableSecretMutable", "enableConfigMapMutable", "enableServerSideApply"])
def test_a_switch_that_is_off_is_refused(option: str, value: Any) -> None:
    assert refused({**RIGHT, option: value}) == [option]


def test_a_provider_that_renders_files_is_refused() -> None:
    assert refused({**RIGHT, "renderYamlToDirectory": "out"}) == ["renderYamlToDirectory"]
    assert refused({**RIGHT, "renderYamlToDirectory": ""}) == []


def test_an_option_that_is_not_known_yet_is_not_refused() -> None:
    assert refused({**dict.fromkeys(RIGHT, UNKNOWN), "renderYamlToDirectory": UNKNOWN}) == []


def test_the_environment_sets_what_the_provider_does_not() -> None:
    environment = {"PULUMI_K8S_ENABLE_SECRET_MUTABLE": "true", "PULUMI_K8S_ENABLE_SERVER_SIDE_APPLY": "false"}
    assert refused(without("enableSecretMutable"), environment) == ["enableServerSideApply"]
    assert refused({**RIGHT, "enableServerSideApply": "true"}, environment) == []
    assert refused({**RIGHT, "enableSecretMutable": "false"}, environment) == [
        "enableSecretMutable",
        "enableServerSideApply",
    ]


def test_the_report_names_the_component_and_what_would_happen() -> None:
    text = report("chat", {name: wrapped(value) for name, value in without("enableSecretMutable").items()}, {})
    assert text.startswith("The Kubernetes provider of chat has 1 problem; nothing was changed.\n\n")
    assert "a changed Secret would be replaced" in text
    assert "value:    not set" in text
