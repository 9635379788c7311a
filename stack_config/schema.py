"""The JSON Schema of ``Pulumi.<stack>.yaml``, from the settings models: for completion and errors in an editor.

The program stays the judge: a schema checks each field, not what fields mean together.
"""

import json
from pathlib import PurePath
from typing import Any

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue

from components.open_webui.variables import is_secret_variable, variable_table

from .secret_keys import SECRET_KEYS, SECRET_MAPS
from .settings import StackSettings

SCHEMA_FILE = PurePath("schema/stack.schema.json")
PROJECT = "open-webui-stack"

_ENCRYPTED = {
    "type": "object",
    "properties": {"secure": {"type": "string"}},
    "required": ["secure"],
    "additionalProperties": False,
}


class _Schema(GenerateJsonSchema):
    """Without titles, which repeat the names of the keys, and without the docstrings of the models."""

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ARG002
        return False

    def default_schema(self, schema: Any) -> JsonSchemaValue:
        # The members of an object have their own defaults.
        inner = super().default_schema(schema)
        return {key: value for key, value in inner.items() if key != "default"} if "$ref" in inner else inner

    def model_schema(self, schema: Any) -> JsonSchemaValue:
        return {
            key: value for key, value in super().model_schema(schema).items() if key not in ("title", "description")
        }


def settings_schema(ref_template: str) -> dict[str, Any]:
    """The schema of the settings: every config key that is not a secret.

    Args:
        ref_template: reference to a definition, with ``{model}``.
    """
    return StackSettings.model_json_schema(ref_template=ref_template, schema_generator=_Schema)


def stack_schema() -> dict[str, Any]:
    """The schema of a stack file. Draft 7, which yaml-language-server and its editors support completely."""
    settings = settings_schema("#/definitions/{model}")
    keys = {name: _top_level(schema) for name, schema in _with_described_defaults(settings)["properties"].items()}
    keys |= {name: _secret(description) for name, description in SECRET_KEYS.items()}
    keys |= {name: _secrets(description) for name, description in SECRET_MAPS.items()}
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        # Editors show it above every description.
        "title": "Stack file of Open WebUI Stack",
        "type": "object",
        "properties": {
            "config": {
                "description": "Config keys. The prefix open-webui-stack: may be omitted.",
                "type": ["object", "null"],
                "properties": {**keys, **{f"{PROJECT}:{name}": schema for name, schema in keys.items()}},
                # Keys of other projects, such as pulumi:tags, and secret variables of Open WebUI.
                "patternProperties": {
                    f"^(?!{PROJECT}:)[^:]+:": True,
                    f"^({PROJECT}:)?({'|'.join(secret_variables())})$": _secret("Secret environment variable."),
                },
                "additionalProperties": False,
            },
            "secretsprovider": {"type": "string"},
            "encryptedkey": {"type": "string"},
            "encryptionsalt": {"type": "string"},
            "environment": {"description": "Pulumi ESC environments."},
        },
        "additionalProperties": False,
        "definitions": {name: _with_described_defaults(model) for name, model in settings["$defs"].items()},
    }


def secret_variables() -> list[str]:
    """Environment variables of Open WebUI that are secret config keys of their own."""
    return sorted(filter(is_secret_variable, variable_table().names))


def schema_text() -> str:
    """The file."""
    return json.dumps(stack_schema(), indent=2, ensure_ascii=False) + "\n"


def described_default(default: object) -> str:
    """The end of the description of a key with that default; nothing if the key is empty by default."""
    if default in (None, "", [], {}):
        return ""
    return f" Default: `{default if isinstance(default, str) else json.dumps(default)}`."


def _with_described_defaults(model: dict[str, Any]) -> dict[str, Any]:
    if "properties" not in model:
        return model
    return {**model, "properties": {name: _described(member) for name, member in model["properties"].items()}}


def _described(member: dict[str, Any]) -> dict[str, Any]:
    # An editor that completes an object would write all defaults of its members into the file. There they would stay
    # when the stack has new ones, such as a release of Open WebUI.
    default = member.get("default")
    described = {key: value for key, value in member.items() if key != "default"}
    described["description"] += described_default(default)
    if member.get("type") == "integer" and default is not None:
        # yaml-language-server writes 0 for a number without an example.
        described.setdefault("examples", [default])
    return described


def _top_level(schema: dict[str, Any]) -> dict[str, Any]:
    # The program gets a scalar as text, whatever its type in the file. `pulumi config set protect true` writes "true".
    if schema.get("type") == "boolean":
        return {**schema, "type": ["boolean", "string"], "enum": [True, False, "true", "false"]}
    if schema.get("type") == "string":
        return {**schema, "type": ["string", "number", "boolean"]}
    return schema


def _secret(description: str) -> dict[str, Any]:
    text = f"{description} Set it with: pulumi config set --secret"
    return {"description": text, "anyOf": [_ENCRYPTED, {"enum": ["", None]}]}


def _secrets(description: str) -> dict[str, Any]:
    return {"description": description, "type": "object", "additionalProperties": _ENCRYPTED}
