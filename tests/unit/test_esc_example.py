"""The Pulumi ESC environment of the documentation and its stack file make a config that the program accepts."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from stack_config.files import ENCRYPTED, ROOT
from stack_config.load import PROJECT, ConfigError, parse

PAGE = (ROOT / "docs" / "operations" / "secrets.md").read_text()
_, SECTION = PAGE.split("## From Pulumi ESC\n")
ENVIRONMENT, STACK_FILE = map(yaml.safe_load, re.findall(r"^```yaml\n(.*?)^```$", SECTION, re.MULTILINE | re.DOTALL))
VALUES: dict[str, Any] = ENVIRONMENT["values"]
# Functions whose results are secret, by https://www.pulumi.com/docs/esc/reference/.
SECRET_FUNCTIONS = {"fn::secret", "fn::open::vault-secrets", "fn::open::vault-login"}


def references(value: object) -> Iterator[str]:
    """The paths of all references in a value."""
    if isinstance(value, dict):
        for member in value.values():
            yield from references(member)
    elif isinstance(value, str):
        yield from re.findall(r"\$\{([\w.]+)\}", value)


def function_of(path: str) -> str | None:
    """The function that makes the value at a path; None if the environment does not have the path."""
    level: Any = VALUES
    for step in path.split("."):
        if not isinstance(level, dict) or step not in level:
            return None
        level = level[step]
        for name in level if isinstance(level, dict) else ():
            if name.startswith("fn::"):
                return str(name)
    return None


def test_every_reference_leads_to_a_secret() -> None:
    paths = list(references(VALUES))
    assert len(paths) >= 4
    assert {path: function_of(path) for path in paths if function_of(path) not in SECRET_FUNCTIONS} == {}


def config(members: dict[str, Any]) -> dict[str, str]:
    """The config of the stack file and of an environment with these values, as the engine passes it."""
    values = {f"{PROJECT}:kubeContext": "mine", **STACK_FILE["config"], **members}
    texts = {key: value if isinstance(value, str) else json.dumps(value) for key, value in values.items()}
    return {key: re.sub(r"\$\{[\w.]+\}", ENCRYPTED, text) for key, text in texts.items()}


def test_the_config_is_valid_with_the_environment() -> None:
    members = VALUES["pulumiConfig"]
    settings = parse(config(members), members.keys())
    assert settings.open_webui.auth.scim.enabled
    assert settings.open_webui.openai_api_base_url


def test_the_stack_file_needs_the_environment() -> None:
    with pytest.raises(ConfigError) as error:
        parse(config({}), set())
    for name in ("openaiApiKey", "OAUTH_CLIENT_SECRET", "SCIM_TOKEN"):
        assert f"the secret {name} is missing" in str(error.value)


def test_the_stack_file_imports_the_environment() -> None:
    [name] = STACK_FILE["environment"]
    assert f"# pulumi env edit <organization>/{name}\n" in SECTION
    assert f"`pulumi config env add {name}`" in SECTION
