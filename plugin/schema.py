"""The schema of the component package, from the settings models: what `pulumi package add` generates SDKs from.

Settings are plain: they are checked before anything is registered (docs/decisions/0001-settings-before-resources.md),
so they cannot be outputs of other resources. Secrets are inputs. Defaults are part of the descriptions: an SDK would
send a default like a value that the user has set.
"""

import json
import tomllib
from collections.abc import Collection, Iterator, Mapping
from functools import cache
from typing import Any

from pydantic.alias_generators import to_camel

from composition.outputs import OUTPUTS
from stack_config.files import ROOT
from stack_config.schema import settings_schema
from stack_config.secret_keys import SECRET_KEYS, SECRET_MAPS

from .names import PACKAGE
from .parts import COMPONENTS, Component

_TYPES = f"#/types/{PACKAGE}:index:"
_ANY = {"$ref": "pulumi.json#/Any"}
_NAMES = {
    "csharp": {},
    "go": {"importBasePath": "example.com/pulumi-open-webui-stack/sdk/go/openwebuistack"},
    "java": {},
    "nodejs": {"packageName": "@pulumi/open-webui-stack"},
    "python": {"packageName": "pulumi_open_webui_stack"},
}
"""Names of the SDKs by language. By default they have the owner of the Git repository of `pulumi package add`."""


@cache
def package_version() -> str:
    """The release of the project."""
    return str(tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"])


def package_schema() -> dict[str, Any]:
    """The schema, as GetSchema of the provider returns it."""
    settings = settings_schema(f"{_TYPES}{{model}}")
    translation = _Translation(settings["$defs"])
    return {
        "name": PACKAGE,
        "displayName": "Open WebUI Stack",
        "version": package_version(),
        "description": "Open WebUI on Kubernetes with interchangeable replicas, a dedicated Redis and PostgreSQL",
        "resources": {
            token: _component(component, translation, settings["properties"]) for token, component in COMPONENTS.items()
        },
        "types": translation.types,
        "language": {language: {**names, "respectSchemaVersion": True} for language, names in _NAMES.items()},
    }


@cache
def schema_text() -> str:
    """The schema as JSON."""
    return json.dumps(package_schema())


def _component(
    component: Component, translation: "_Translation", settings: Mapping[str, Mapping[str, Any]]
) -> dict[str, Any]:
    outputs = {name: OUTPUTS[name] for name in component.outputs}
    arguments = {
        name: {**translation.argument(component, name, schema), "plain": True}
        for name, schema in settings.items()
        if component.has_some(name)
    }
    return {
        "isComponent": True,
        "description": f"{component.description} A program has one of them. Pass a Kubernetes provider in the option "
        "`providers`.",
        "inputProperties": arguments | _secrets(component),
        "properties": {
            to_camel(name): {"type": "string", "description": output.description, "secret": output.secret}
            for name, output in outputs.items()
        },
        "required": [to_camel(name) for name in component.required_outputs],
    }


def _secrets(component: Component) -> dict[str, Any]:
    flat = {name: text for name, text in SECRET_KEYS.items() if name in component.secrets}
    named = {name: text for name, text in SECRET_MAPS.items() if name in component.secrets}
    maps = {"type": "object", "additionalProperties": {"type": "string"}, "secret": True}
    return {
        **{name: {"type": "string", "secret": True, "description": text} for name, text in flat.items()},
        **{name: {**maps, "description": text.partition(" Set each ")[0]} for name, text in named.items()},
    }


class _Translation:
    """JSON Schema as the types of a Pulumi schema. It collects the types that it refers to."""

    def __init__(self, definitions: Mapping[str, Any]) -> None:
        self.types: dict[str, Any] = {}
        self._definitions = definitions

    def argument(self, component: Component, name: str, schema: Mapping[str, Any]) -> dict[str, Any]:
        """A top-level property of a component, of which the component may have some members only.

        Args:
            component: has the property.
            name: the config key.
            schema: its JSON Schema.
        """
        if component.has_all(name):
            return self.property(name, schema)
        model = schema["$ref"].removeprefix(_TYPES)
        # A type of its own: the other members are arguments of other components.
        own = f"{component.name}ComponentSettings" if model == f"{component.name}Settings" else component.name + model
        self._define(own, model, component.members(name))
        return {"$ref": f"{_TYPES}{own}", "description": _described(schema)}

    def property(self, name: str, schema: Mapping[str, Any], model: str = "") -> dict[str, Any]:
        """A property with its description.

        Args:
            name: its name, from which an enumeration has its own.
            schema: its JSON Schema.
            model: the model that has it.
        """
        return {**self._type(name, schema, model), "description": _described(schema)}

    def _type(self, name: str, schema: Mapping[str, Any], model: str) -> dict[str, Any]:
        [schema] = [each for each in schema.get("anyOf", [schema]) if each.get("type") != "null"]
        if reference := schema.get("$ref"):
            model = reference.removeprefix(_TYPES)
            self._define(model, model)
            return {"$ref": reference}
        if choices := schema.get("enum"):
            return self._enumeration(f"{model.removesuffix('Settings')}{name[:1].upper()}{name[1:]}", choices)
        kind = schema["type"]
        if kind == "array":
            return {"type": "array", "items": self._type(name, schema["items"], model)}
        if members := schema.get("additionalProperties"):
            return {"type": "object", "additionalProperties": self._type(name, members, model)}
        if kind == "object":
            return _ANY  # an object of the Kubernetes API
        # A quantity may be a number in YAML; in a program it is a text.
        return {"type": kind if isinstance(kind, str) else "string"}

    def _define(self, name: str, model: str, members: Collection[str] | None = None) -> None:
        """Define the type of a model, or of some members of it, under a name."""
        token = f"{PACKAGE}:index:{name}"
        if token in self.types:
            return
        definition = self._definitions[model]
        properties: dict[str, Any] = {}
        required = {"required": definition["required"]} if "required" in definition and members is None else {}
        self.types[token] = {"type": "object", "properties": properties, **required}
        for member, schema in definition["properties"].items():
            if members is None or member in members:
                properties[member] = self.property(member, schema, model)

    def _enumeration(self, name: str, choices: list[str]) -> dict[str, Any]:
        token = f"{PACKAGE}:index:{name}"
        enumeration = {"type": "string", "enum": [{"value": choice} for choice in choices]}
        assert self.types.setdefault(token, enumeration) == enumeration, f"{token} has two sets of values"
        return {"$ref": f"{_TYPES}{name}"}


def _described(schema: Mapping[str, Any]) -> str:
    return " ".join(_sentences(schema))


def _sentences(schema: Mapping[str, Any]) -> Iterator[str]:
    if description := schema.get("description"):
        yield description
    default = schema.get("default")
    if default not in (None, "", [], {}) and "Default:" not in schema.get("description", ""):
        yield f"Default: `{json.dumps(default) if not isinstance(default, str) else default}`."
