"""The stack file reads the same with and without the Pulumi CLI, and the CLI accepts the commands of the report."""

import json
import shlex
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from stack_config.files import ROOT, read_stack, set_path
from stack_config.load import ConfigError, parse
from tests.support.engine.toolchain import Toolchain
from tests.support.unit.spellings import SPELLINGS

ASSIGNMENTS = (
    "redis.maxmemory=1gb",
    "redis.resources.limits.memory=2Gi",
    "openWebui.replicas=3",
    "openWebui.ratio=1.5",
    "openWebui.code=007",
    "openWebui.zero=0",
    "openWebui.negative=-3",
    "openWebui.ingress.enabled=true",
    "openWebui.ingress.className=nginx",
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


MISTAKES = """\
config:
  open-webui-stack:kubeContext: test
  open-webui-stack:protect: false
  open-webui-stack:openWebui:
    'a"b': 1
    "ingress.enabled": true
    host: chat.example.com
    maxUnavailabel: 1
    ingress:
      allowedCidrs: 10.20.0.0/16
    replicas: "3"
    uploads:
      acceptLoss: true
    resources:
    env:
      A B: x
      OAUTH_CLIENT_SECRET: hunter2
    pluginEnv:
      SHARE: 1.5
  open-webui-stack:rotate:
    redis: 2000
  openwebui-stack:redis:
    maxmemory: 1gb
"""

Pulumi = Callable[..., str]


@pytest.fixture
def pulumi(toolchain: Toolchain, engine_environment: dict[str, str], tmp_path: Path) -> Pulumi:
    """Runs the CLI in a directory of the test's own; gives its output."""

    environment = {**engine_environment, "PULUMI_BACKEND_URL": tmp_path.as_uri()}

    def run(*arguments: str) -> str:
        command = [str(toolchain.pulumi), "--non-interactive", *arguments]
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


@pytest.fixture
def config_of_the_cli(pulumi: Pulumi, tmp_path: Path) -> dict[str, Any]:
    """What the CLI makes of the assignments."""
    (tmp_path / "Pulumi.yaml").write_text("name: sets\nruntime: python\n")
    pulumi("stack", "init", "sets", "--secrets-provider", "passphrase")
    for assignment in ASSIGNMENTS:
        key, _, value = assignment.partition("=")
        pulumi("config", "set", "--path", "--plaintext", key, "--", value)
    config: dict[str, Any] = yaml.safe_load((tmp_path / "Pulumi.sets.yaml").read_text())["config"]
    return config


@pytest.fixture
def project(pulumi: Pulumi, tmp_path: Path) -> Path:
    """The stack's own project with a stack of the CLI."""
    shutil.copy(ROOT / "Pulumi.yaml", tmp_path)
    pulumi("stack", "init", "files", "--secrets-provider", "passphrase")
    return tmp_path


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


def test_a_stacks_file_is_read_as_the_cli_reads_it(pulumi: Pulumi, project: Path) -> None:
    (project / "Pulumi.files.yaml").write_text(SPELLINGS)
    theirs = {
        key: each.get("objectValue", each["value"]) for key, each in json.loads(pulumi("config", "--json")).items()
    }
    ours = {key: _decoded(value) for key, value in read_stack("files", root=project).values.items()}
    assert ours == theirs


def test_the_commands_of_the_report_are_the_clis(pulumi: Pulumi, project: Path) -> None:
    file = project / "Pulumi.files.yaml"
    file.write_text(MISTAKES)
    config = read_stack("files", root=project)
    with pytest.raises(ConfigError) as error:
        parse(config.values, config.secret_keys)
    script = "\n".join(line.partition("pulumi ")[2] for line in str(error.value).splitlines() if "  pulumi " in line)
    for line in script.splitlines():
        pulumi(*shlex.split(line, comments=True))
    config = read_stack("files", root=project)
    settings = parse(config.values, config.secret_keys)
    assert (settings.open_webui.replicas, settings.open_webui.ingress.enabled, settings.rotate.redis) == (3, True, 1000)
    assert settings.open_webui.ingress.allowed_cidrs == ["10.20.0.0/16"]
    assert dict(settings.open_webui.plugin_env) == {"SHARE": "1.5"}
    assert "openwebui-stack" not in file.read_text()


def _decoded(text: str) -> object:
    return json.loads(text) if text.startswith("{") else text
