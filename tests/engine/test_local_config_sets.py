"""`--set` means what `pulumi config set --path` means, said by that command itself."""

import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from stack_config.files import set_path
from tests.engine.conftest import Toolchain

ASSIGNMENTS = (
    "redis.maxmemory=1gb",
    "redis.resources.limits.memory=2Gi",
    "openWebui.replicas=3",
    "openWebui.ratio=1.5",
    "openWebui.code=007",
    "openWebui.zero=0",
    "openWebui.negative=-3",
    "openWebui.ingress.enabled=true",
    'openWebui.ingress.annotations["nginx.ingress.kubernetes.io/affinity"]=cookie',
    "openWebui.hosts[0]=a.example.com",
    "openWebui.hosts[1]=b.example.com",
    "openWebui.empty=",
    "openWebui.equation=a=b",
    "openWebui.list=[1, 2]",
    "protect=true",
    "plain=12",
    "other:key=value",
)


@pytest.fixture
def config_of_the_cli(toolchain: Toolchain, engine_environment: dict[str, str], tmp_path: Path) -> dict[str, Any]:
    """What the CLI makes of the assignments."""
    (tmp_path / "Pulumi.yaml").write_text("name: sets\nruntime: python\n")

    def pulumi(*arguments: str) -> None:
        command = [str(toolchain.pulumi), "--non-interactive", *arguments]
        done = subprocess.run(
            command, cwd=tmp_path, env=engine_environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr

    pulumi("stack", "init", "sets", "--secrets-provider", "passphrase")
    for assignment in ASSIGNMENTS:
        key, _, value = assignment.partition("=")
        pulumi("config", "set", "--path", "--plaintext", key, "--", value)
    config: dict[str, Any] = yaml.safe_load((tmp_path / "Pulumi.sets.yaml").read_text())["config"]
    return config


def test_set_is_that_of_the_cli(config_of_the_cli: dict[str, Any]) -> None:
    values: dict[str, Any] = {}
    for assignment in ASSIGNMENTS:
        set_path(values, assignment, "sets")
    assert values.keys() == config_of_the_cli.keys()
    for key, value in values.items():
        # The CLI keeps a top-level value as text and writes it without quotes.
        theirs = config_of_the_cli[key]
        assert value == (theirs if isinstance(theirs, dict) else _text(theirs)), key


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
