"""The template of `pulumi new` asks the questions of `stackctl init`, and its commands make a config that is valid."""

import json
import re
import shlex
from typing import Any

import pulumi.automation
import pytest
import yaml

from stack_config.files import ENCRYPTED, ROOT, read_stack, set_path
from stack_config.first_stack import MODEL_KEY, QUESTIONS
from stack_config.load import PROJECT, parse
from stack_config.project_template import asked_by_pulumi, set_by_commands, template_section
from tests.support.unit.documentation import SOURCES

TEMPLATE: dict[str, Any] = yaml.safe_load((ROOT / "Pulumi.yaml").read_text())["template"]
COMMANDS = re.findall(r"^  pulumi config set --path (.+?)   # ", TEMPLATE["quickstart"], re.MULTILINE)


def test_pulumi_yaml_has_the_section() -> None:
    assert (ROOT / "Pulumi.yaml").read_text().endswith(template_section())


def test_every_question_of_init_is_asked_or_has_a_command() -> None:
    asked, commands = list(TEMPLATE["config"]), [shlex.split(command)[0] for command in COMMANDS]
    assert sorted([*asked, *commands]) == sorted(question.path for question in QUESTIONS)
    assert {"kubeContext", "namespace", MODEL_KEY} == set(asked)


def test_pulumi_could_ask_for_nothing_else() -> None:
    """Pulumi takes a path for the name of a key."""
    assert all("." not in question.path for question in asked_by_pulumi())
    assert all("." in question.path for question in set_by_commands())


def test_secrets_are_secret_and_have_no_default() -> None:
    secrets = {key for key, value in TEMPLATE["config"].items() if value.get("secret")}
    assert secrets == {question.path for question in QUESTIONS if question.is_secret} == {MODEL_KEY}
    assert "default" not in TEMPLATE["config"][MODEL_KEY]


def test_pulumi_reads_the_section() -> None:
    read = pulumi.automation.ProjectSettings.from_dict(yaml.safe_load((ROOT / "Pulumi.yaml").read_text()))
    assert read.template is not None
    assert read.template.quickstart == TEMPLATE["quickstart"]
    # All values are texts for Pulumi.
    for value in TEMPLATE["config"].values():
        assert isinstance(value.get("default", ""), str)


@pytest.mark.parametrize("environment", ["dev", None])
def test_the_commands_make_a_valid_config(environment: str | None) -> None:
    """With the file of `dev`, as `pulumi new` suggests it, and with a stack of another name."""
    values: dict[str, Any] = dict(read_stack(environment).values) if environment else {}
    values = {key: json.loads(value) if value.startswith("{") else value for key, value in values.items()}
    defaults = {key: value["default"] for key, value in TEMPLATE["config"].items() if "default" in value}
    for key, value in (defaults | {"kubeContext": "mine"}).items():
        set_path(values, f"{key}={value}", PROJECT)
    for command in COMMANDS:
        set_path(values, "=".join(shlex.split(command.replace("<value>", "issuer"))), PROJECT)
    texts = {key: value if isinstance(value, str) else json.dumps(value) for key, value in values.items()}
    settings = parse({key: value for key, value in texts.items() if value}, set())
    assert settings.open_webui.host == "chat.example.com"
    assert settings.existing_secrets.keys() == {MODEL_KEY}


def test_the_answers_alone_are_valid_in_dev() -> None:
    sets = [
        "kubeContext=mine",
        *(f"{key}={value['default']}" for key, value in TEMPLATE["config"].items() if "default" in value),
    ]
    config = read_stack("dev", sets)
    assert parse(config.values, config.secret_keys).kube_context == "mine"
    url = read_stack("dev", [*sets, "openWebui.openaiApiBaseUrl=https://models.example.com/v1"])
    assert parse(
        {**url.values, f"{PROJECT}:{MODEL_KEY}": ENCRYPTED}, {f"{PROJECT}:{MODEL_KEY}"}
    ).open_webui.openai_api_base_url


def test_pulumi_would_replace_nothing_in_the_files() -> None:
    """`pulumi new` replaces these texts in every file that it copies."""
    replaced = ["${" + name + "}" for name in ("PROJECT", "DESCRIPTION")]
    files = [*SOURCES, *ROOT.glob("*.yaml"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("docs/**/*.yaml")]
    assert len(files) > 300
    assert [path for path in files for text in replaced if text in path.read_text()] == []
