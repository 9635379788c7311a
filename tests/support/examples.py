"""The examples of the documentation: each a stack file, and the commands on its page that set the secrets.

An example of several stacks has a file for each: its name starts with that of the directory.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from components.blocks.custom_kinds import CustomKind
from stack_config.files import ROOT, StackConfig, read_stack
from stack_config.load import PROJECT, parse
from stack_config.settings import StackSettings

EXAMPLES = ROOT / "docs" / "examples"
_SECRET = re.compile(r"^pulumi config set --secret (?:--path )?'?([\w.]+)'?", re.MULTILINE)
_URLS = {
    "redisCacheUrl": "rediss://open-webui:{value}@redis.example.com:6379/0",
    "redisWebsocketUrl": "rediss://open-webui:{value}@redis.example.com:6379/1",
}
"""Secrets whose value has to be a URL."""


@dataclass(frozen=True, kw_only=True)
class Example:
    """One example."""

    name: str
    """Name of the stack. That of the directory, or with a suffix one of several stacks in it."""

    @property
    def directory(self) -> Path:
        """The directory with the stack file and the page."""
        return next(EXAMPLES.glob(f"*/Pulumi.{self.name}.yaml")).parent

    @property
    def page(self) -> str:
        """Text of the page."""
        return (self.directory / "README.md").read_text()

    @property
    def secrets(self) -> dict[str, str]:
        """The secrets that the page's commands set, each with a value of its own. A path is a member of an object."""
        values = {path: f"made-up-{path.replace('.', '-')}" for path in _SECRET.findall(self.page)}
        return {path: _URLS.get(path, "{value}").format(value=value) for path, value in values.items()}

    @property
    def secret_config(self) -> dict[str, str]:
        """The same as the engine passes them to the program: objects as JSON."""
        members: dict[str, dict[str, str]] = {}
        for path, value in self.secrets.items():
            key, dot, member = path.partition(".")
            if dot:
                members.setdefault(key, {})[member] = value
        flat = {path: value for path, value in self.secrets.items() if "." not in path}
        return flat | {key: json.dumps(values) for key, values in members.items()}

    @property
    def existing_secrets(self) -> dict[str, dict[str, str]]:
        """The Secrets that the stack file refers to, each with a value of its own for every key."""
        contents: dict[str, dict[str, str]] = {}
        for reference in self.settings.existing_secrets.values():
            contents.setdefault(reference.name, {})[reference.key] = f"made-up-{reference.key}"
        return contents

    @property
    def existing_config_maps(self) -> dict[str, dict[str, str]]:
        """The ConfigMaps that the stack file refers to, each with a value for its key."""
        bundle = self.settings.pods.ca_bundle
        return {bundle.config_map: {bundle.key: "made-up"}} if bundle.config_map else {}

    def config(self, sets: Mapping[str, str]) -> StackConfig:
        """The config of the stack file.

        Args:
            sets: values over it, by path.
        """
        return read_stack(self.name, [f"{key}={value}" for key, value in sets.items()], directory=self.directory)

    @property
    def settings(self) -> StackSettings:
        """The settings of the stack file and of the page's commands."""
        values = self.config({"kubeContext": "any"}).values
        secrets = {f"{PROJECT}:{key}": value for key, value in self.secret_config.items()}
        return parse({**values, **secrets}, secrets.keys())

    @property
    def kinds(self) -> list[CustomKind]:
        """Custom kinds that the example needs in the cluster."""
        return list(dict.fromkeys(kind for needs in self.settings.kinds_needed for kind in needs.kinds))


def examples() -> list[Example]:
    """Every example, by name."""
    return [
        Example(name=file.name.split(".")[1])
        for file in sorted(EXAMPLES.glob("*/Pulumi.*.yaml"))
        if re.fullmatch(rf"Pulumi\.{file.parent.name}(-\w+)?\.yaml", file.name)
    ]
