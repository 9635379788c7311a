"""The config commands of the pages for clusters: together they make a config that the program accepts."""

import json
import re
import shlex
from pathlib import Path
from typing import Any

import pytest

from stack_config.files import ENCRYPTED, ROOT, set_path
from stack_config.keys import is_secret_key
from stack_config.load import PROJECT, parse
from tests.support.unit.uploads_in_pods import accepted

PAGES = [ROOT / "docs" / "getting-started" / f"{name}.md" for name in ("aks", "eks", "gke", "k3s")]
_COMMAND = re.compile(r"^pulumi config set (.+)$", re.MULTILINE)
PLACEHOLDERS = {
    "<bucket>": "uploads-of-team",
    "<region>": "eu-central-1",
    "<subnet of the load balancer>": "10.0.1.0/24",
    "<context>": "test",
}


def config_of(page: Path) -> tuple[dict[str, object], set[str]]:
    """The config after all commands of the page, as the engine passes it to the program; and its secret keys."""
    values: dict[str, Any] = {f"{PROJECT}:kubeContext": "test"}
    secrets: set[str] = set()
    for command in _COMMAND.findall(page.read_text()):
        for placeholder, value in PLACEHOLDERS.items():
            command = command.replace(placeholder, value)
        words = [word for word in shlex.split(command) if not word.startswith("--")]
        if is_secret_key(words[0]):
            secrets.add(f"{PROJECT}:{words[0]}")
        else:
            set_path(values, "=".join(words), PROJECT)
    texts = {key: value if isinstance(value, str) else json.dumps(value) for key, value in values.items()}
    return {**accepted(texts), **dict.fromkeys(secrets, ENCRYPTED)}, secrets


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_the_commands_of_a_page_make_a_valid_config(page: Path) -> None:
    values, secrets = config_of(page)
    assert len(values) >= 2
    settings = parse(values, secrets)
    assert settings.open_webui.host == "chat.example.com"
    assert settings.open_webui.ingress.enabled
