"""The JSON Schema of the stack files: what the program accepts is valid, and what it cannot parse is not."""

import json
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stack_config.cli_yaml import load_yaml
from stack_config.files import ROOT, environments, stack_file
from stack_config.keys import ELEMENT, NAME, ConfigKey, config_keys
from stack_config.load import PROJECT, ConfigError, parse
from stack_config.schema import SCHEMA_FILE, described_default, stack_schema
from tests.support.unit.key_paths import nested
from tests.support.unit.single_mistakes import SINGLE_MISTAKES
from tests.support.unit.uploads_in_pods import accepted

VALIDATOR = jsonschema.Draft7Validator(stack_schema())
MODELINE = f"# yaml-language-server: $schema={SCHEMA_FILE}\n"

# What a schema can see in one field, by the names of the cases.
VISIBLE = [
    "unknown key at the top",
    "unknown member",
    "unknown key three levels down",
    "key at the wrong depth",
    "snake case",
    "text for a number",
    "number for a switch",
    "text for an object",
    "list for an object",
    "object for text",
    "not one of the values",
    "unit that does not exist",
    "negative quantity",
    "memory size of Kubernetes for Redis",
]

VALUES = st.sampled_from(
    [
        True,
        False,
        0,
        1,
        2,
        3.0,
        -1,
        1000,
        5000,
        "true",
        "yes",
        "1",
        "512Mi",
        "512mb",
        "1Gb",
        "10Gi",
        ".5",
        "1e3",
        "500m",
    ]
    + ["", "chat.example.com", "10.0.0.0/8:443", "http://ollama:11434", "kube-system", [], ["a"], {}, {"a": "b"}, None]
    + [choice for key in config_keys().values() for choice in key.choices]
    + [key.suggestion for key in config_keys().values()]
)


def errors(config: dict[str, Any]) -> list[str]:
    """What the schema finds in a config."""
    return [error.message for error in VALIDATOR.iter_errors({"config": config})]


def program_accepts(config: dict[str, Any]) -> bool:
    values = {
        f"{PROJECT}:{key}": value if isinstance(value, str) else json.dumps(value) for key, value in config.items()
    }
    try:
        parse(accepted({f"{PROJECT}:kubeContext": "test", **values}), set())
    except ConfigError:
        return False
    return True


def test_the_schema_is_a_schema() -> None:
    jsonschema.Draft7Validator.check_schema(stack_schema())


@pytest.mark.parametrize("environment", environments())
def test_every_stack_file_is_valid_and_names_the_schema(environment: str) -> None:
    file = stack_file(environment)
    assert file.read_text().startswith(MODELINE)
    assert [error.message for error in VALIDATOR.iter_errors(load_yaml(file))] == []
    assert (ROOT / SCHEMA_FILE).is_file()


@pytest.mark.parametrize("name", VISIBLE)
def test_an_invalid_value_is_found(name: str) -> None:
    [config] = [dict(config) for case, config, _, _ in SINGLE_MISTAKES if case == name]
    assert len(errors(config)) >= 1


@pytest.mark.parametrize(
    "config",
    [
        {"openaiApiKey": "sk-plain"},
        {"OAUTH_CLIENT_SECRET": "plain"},
        {"OAUTH_CLIENT_SECRETS": {"secure": "v1:abc"}},
        {"openWebui": {"openaiApiKey": {"secure": "v1:abc"}}},
        {f"{PROJECT}:redsi": {}},
    ],
)
def test_a_plain_or_misplaced_secret_is_found(config: dict[str, Any]) -> None:
    assert len(errors(config)) >= 1


@pytest.mark.parametrize(
    "config",
    [
        {f"{PROJECT}:openaiApiKey": {"secure": "v1:abc"}},
        {"OAUTH_CLIENT_SECRET": {"secure": "v1:abc"}},
        {"pulumi:tags": {"team": "platform"}},
        {"kubernetes:context": "other"},
        {"protect": "true"},
        {"openWebui": {"host": None, "autoscaling": None}},
        {"openWebui": {"env": {"BRAVE_SEARCH_CONTEXT_TOKENS": 4000, "ENABLE_API_KEYS": True}}},
        {"postgresql": {"resources": {"limits": {"memory": 3e9, "cpu": 2}}}},
    ],
)
def test_what_the_cli_writes_is_valid(config: dict[str, Any]) -> None:
    assert errors(config) == []


@given(st.sampled_from(sorted(config_keys())), VALUES)
def test_what_the_program_accepts_is_valid(path: str, value: object) -> None:
    config = nested(path, value)
    if program_accepts(config):
        assert errors(config) == []


@pytest.mark.parametrize("key", [key for key in config_keys().values() if not key.is_object], ids=lambda key: key.path)
def test_the_default_and_the_example_of_a_key_are_valid(key: ConfigKey) -> None:
    # An example is a text: of an element for a list, of what the CLI stores as a boolean for a boolean.
    example = [key.example] if key.is_list else key.example == "true" if key.type == "boolean" else key.example
    values = [key.default, *([example] if key.example else [])]
    values = [value for value in values if value is not None]
    messages = [error for value in values for error in errors(nested(key.path, value))]
    # Alone, without the other keys that its object needs.
    assert [error for error in messages if "is a required property" not in error] == []


def members(schema: dict[str, Any], level: dict[str, Any]) -> dict[str, Any]:
    """The schemas of an object's members."""
    if "properties" in level:
        return dict(level["properties"])
    [reference] = [part["$ref"] for part in (level, *level.get("anyOf", [])) if "$ref" in part]
    return dict(schema["definitions"][reference.rpartition("/")[2]]["properties"])


def test_every_key_is_described() -> None:
    schema = stack_schema()
    for path, key in config_keys().items():
        level = schema["properties"]["config"]
        for name in path.replace(ELEMENT, f".{ELEMENT}").split("."):
            if name in (NAME, ELEMENT):
                level = level["additionalProperties" if name == NAME else "items"]
            else:
                level = members(schema, level)[name]
        if not path.endswith((NAME, ELEMENT)):
            assert level["description"] == f"{key.description}{described_default(key.default)}", path
            assert level["description"].count("Default:") <= 1, path


@pytest.mark.parametrize(
    ("default", "text"),
    [(None, ""), ("", ""), ([], ""), (False, " Default: `false`."), (0, " Default: `0`."), ("1gb", " Default: `1gb`.")],
)
def test_a_description_ends_with_the_default(default: object, text: str) -> None:
    assert described_default(default) == text


def test_an_editor_writes_no_default_into_the_file() -> None:
    schema = stack_schema()
    objects = [schema["properties"]["config"], *schema["definitions"].values()]
    members = [member for each in objects for member in each.get("properties", {}).values()]
    assert len(members) > 300
    assert [member for member in members if "default" in member] == []
    numbers = [member for member in members if member.get("type") == "integer"]
    assert len(numbers) > 20
    assert [member for member in numbers if not member.get("examples")] == []
