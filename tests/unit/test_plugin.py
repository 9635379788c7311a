"""The component package: its schema has every setting, and its arguments are checked like the config."""

import asyncio
import json
import re
import tomllib
from collections.abc import Mapping
from typing import Any

import pytest
from pydantic.alias_generators import to_camel

from components.blocks.secret_inputs import SecretInputs
from composition.outputs import OUTPUTS
from plugin.arguments import ArgumentsError, read
from plugin.names import NOT_ARGUMENTS, STACK
from plugin.schema import package_schema, schema_text
from plugin.values import Unknown, Value
from stack_config.files import ROOT
from stack_config.keys import ELEMENT, NAME, ConfigKey, config_keys
from stack_config.load import PROJECT
from stack_config.secret_keys import SECRET_KEYS, SECRET_MAPS
from stack_config.settings import StackSettings
from tests.support.unit.component_arguments import UNKNOWN, argument, secret
from tests.support.unit.config_reports import report as config_report
from tests.support.unit.single_mistakes import SINGLE_MISTAKES
from tests.support.unit.uploads_in_pods import accepted

SCHEMA = package_schema()
COMPONENT = SCHEMA["resources"][STACK]
INPUTS: Mapping[str, Any] = COMPONENT["inputProperties"]


def refusal(values: Mapping[str, Any]) -> str:
    """The report on arguments; fails when there is none."""
    with pytest.raises(ArgumentsError) as error:
        read("stack", {name: argument(value) for name, value in values.items()})
    return str(error.value)


def valid(values: Mapping[str, Any]) -> tuple[StackSettings, SecretInputs]:
    """Settings and secrets of valid arguments. Outputs need an event loop."""

    async def construct() -> tuple[StackSettings, SecretInputs]:
        return read("stack", {name: argument(value) for name, value in values.items()})

    return asyncio.run(construct())


def findings(text: str) -> list[str]:
    """The findings of a report, without the commands of a stack file."""
    parts = text.split("\n\n")[1:-1]
    return [re.sub(r"\n  (?:fix: |     ) .*", "", part) for part in parts]


def definition(key: ConfigKey) -> Mapping[str, Any]:
    """The property of the schema for a config key."""
    level: Mapping[str, Any] = {"properties": INPUTS}
    for step in key.path.replace(ELEMENT, f".{ELEMENT}").split("."):
        level = _resolved(level)
        match step:
            case "<name>":
                level = level["additionalProperties"]
            case "[]":
                level = level["items"]
            case _:
                level = level["properties"][step]
    return level


def _resolved(level: Mapping[str, Any]) -> Mapping[str, Any]:
    reference = level.get("$ref", "")
    return SCHEMA["types"][reference.removeprefix("#/types/")] if reference.startswith("#/types/") else level


def test_every_config_key_is_a_property_of_its_type() -> None:
    keys = [key for key in config_keys().values() if key.path.partition(".")[0] not in NOT_ARGUMENTS]
    assert len(keys) > 500
    for key in keys:
        schema = definition(key)
        resolved = _resolved(schema)
        if NAME in key.path.rpartition(".")[2] or key.path.endswith(ELEMENT):
            continue
        assert key.description.partition(" Default:")[0] in schema["description"], key.path
        if key.choices:
            assert [choice["value"] for choice in resolved["enum"]] == key.choices, key.path
        elif key.is_list:
            assert schema["type"] == "array", key.path
        elif key.type in ("integer", "boolean"):
            assert schema["type"] == key.type, key.path
        elif key.type in ("string", "quantity", "memory size"):
            assert schema["type"] == "string", key.path


def test_settings_are_plain_and_secrets_are_secret_inputs() -> None:
    secrets = ({*SECRET_KEYS} - {*NOT_ARGUMENTS}) | {*SECRET_MAPS}
    assert secrets == {name for name, schema in INPUTS.items() if schema.get("secret")}
    assert {name for name, schema in INPUTS.items() if schema.get("plain")} == INPUTS.keys() - secrets


def test_the_names_of_the_sdks_do_not_depend_on_the_repository() -> None:
    examples = {
        "nodejs": ("packageName", "typescript/index.ts"),
        "python": ("packageName", "python/__main__.py"),
        "go": ("importBasePath", "go/main.go"),
    }
    for language, (option, file) in examples.items():
        name = SCHEMA["language"][language][option]
        assert name in (ROOT / "docs" / "examples" / "component-package" / file).read_text()


def test_where_the_cluster_is_is_not_an_argument() -> None:
    assert not INPUTS.keys() & {*NOT_ARGUMENTS}
    text = refusal({"kubeContext": "prod", "kubeconfig": secret("contents"), "cluster": {"mode": "context"}})
    assert [finding.partition(":")[0] for finding in findings(text)][:3] == ["kubeContext", "kubeconfig", "cluster"]
    assert "option providers" in text


def test_the_outputs_are_those_of_the_program() -> None:
    outputs: Mapping[str, Any] = COMPONENT["properties"]
    assert list(outputs) == [to_camel(name) for name in OUTPUTS]
    assert {name for name, schema in outputs.items() if schema["secret"]} == {
        "redisCacheUrl",
        "redisWebsocketUrl",
        "databaseUrl",
        "adminPassword",
    }


@pytest.mark.parametrize(
    ("values", "key"), [(case[1], case[2]) for case in SINGLE_MISTAKES], ids=[case[0] for case in SINGLE_MISTAKES]
)
def test_an_invalid_argument_has_the_finding_of_the_config_key(values: Mapping[str, Any], key: str) -> None:
    if {*values} & {*NOT_ARGUMENTS} or any(name in SECRET_KEYS or name in SECRET_MAPS for name in values):
        pytest.skip("not an argument, or a secret in plain text, which the SDK makes secret")
    full = accepted({f"{PROJECT}:{name}": json.dumps(value) for name, value in values.items()})
    arguments = {name.partition(":")[2]: json.loads(str(value)) for name, value in full.items()}
    expected = findings(config_report(values))
    assert any(finding.startswith(f"{key}: ") for finding in expected)
    assert findings(refusal(arguments)) == expected


def test_the_report_names_the_component_and_no_command_of_a_stack_file() -> None:
    text = refusal({"redsi": {}, "redis": {"maxmemroy": "1gb"}})
    assert text.startswith("The arguments of stack have 3 problems; nothing was changed.")
    assert "redsi: unknown key, did you mean redis?" in text
    assert "pulumi config" not in text


def test_a_setting_that_is_not_known_yet_is_refused() -> None:
    text = refusal({"redis": {"maxmemory": UNKNOWN}})
    assert "redis.maxmemory: not known before the update" in text


def test_a_secret_setting_is_refused_and_not_shown() -> None:
    text = refusal({"openWebui": {"host": secret("hunter2.example.com")}})
    assert "openWebui.host: secret, but its value appears in objects" in text
    assert "hunter2" not in text


def test_a_secret_that_is_not_known_yet_counts_as_set() -> None:
    web = {"openaiApiBaseUrl": "https://models.example.com/v1", "uploads": {"acceptLoss": True}}
    missing = refusal({"openWebui": web})
    assert "openaiApiKey" in missing
    unknown = Value(content=Unknown(), secret=True)
    settings, secrets = valid({"openWebui": web, "openaiApiKey": unknown})
    assert settings.open_webui.openai_api_base_url == "https://models.example.com/v1"
    assert secrets.names == {"openaiApiKey"}


def test_the_value_of_a_secret_is_checked_and_not_shown() -> None:
    web = {"uploads": {"acceptLoss": True}}
    text = refusal(
        {
            "openWebui": web,
            "redis": {"topology": "external", "external": {"hosts": "redis.example.com"}},
            "redisCacheUrl": secret("redis://:hunter2@elsewhere.example.com:6379/0"),
        }
    )
    assert "redisCacheUrl: " in text
    assert "hunter2" not in text


def test_secrets_of_the_web_pods_are_members_of_a_map() -> None:
    web = {"uploads": {"acceptLoss": True}}
    members = {"PLUGIN_TOKEN": secret("one"), "OTHER_TOKEN": UNKNOWN}
    _, secrets = valid({"openWebui": web, "secretEnv": members})
    assert secrets.variables == {"PLUGIN_TOKEN", "OTHER_TOKEN"}
    assert "secretEnv.PLUGIN_TOKEN: wrong type" in refusal({"openWebui": web, "secretEnv": {"PLUGIN_TOKEN": True}})


@pytest.mark.parametrize(
    ("language", "file"),
    [
        ("ts", "typescript/index.ts"),
        ("python", "python/__main__.py"),
        ("go", "go/main.go"),
        ("yaml", "yaml/Pulumi.yaml"),
        ("python", "parts/python/__main__.py"),
    ],
)
def test_the_programs_on_the_page_are_the_examples(language: str, file: str) -> None:
    page = (ROOT / "docs" / "component-package.md").read_text()
    shown = re.findall(rf"^```{language}\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    assert (ROOT / "docs" / "examples" / "component-package" / file).read_text() in shown


def test_the_report_on_the_page_is_the_components() -> None:
    page = (ROOT / "docs" / "component-package.md").read_text()
    shown, _ = re.findall(r"^```text\n(.*?)\n```$", page, re.MULTILINE | re.DOTALL)
    web = {"uploads": {"acceptLoss": True}}
    with pytest.raises(ArgumentsError) as error:
        read("chat", {"openWebui": argument(web), "redis": argument({"maxmemroy": "1gb"})})
    assert str(error.value).startswith(shown)


def test_the_package_has_the_version_of_the_project() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert SCHEMA["version"] == project["version"] == json.loads(schema_text())["version"]
