"""The `template` section of Pulumi.yaml, by which `pulumi new` asks the questions of a first stack."""

import yaml

from components.blocks.finding import fix_command

from .first_stack import QUESTIONS, Question
from .keys import key_at

COMMENT = """\
# For `pulumi new`. It asks for top-level keys alone: it takes `openWebui.host` for the name of a key. The quickstart
# has the commands for the others. Source: stack_config/first_stack.py, which has the questions of `stackctl init`.
"""


def template_section() -> str:
    """The section as YAML, with its comment."""
    template = {
        "displayName": "Open WebUI Stack",
        "description": "Open WebUI on Kubernetes with interchangeable replicas, a dedicated Redis and PostgreSQL",
        "quickstart": _quickstart(),
        "config": {question.path: _value(question) for question in asked_by_pulumi()},
    }
    return COMMENT + yaml.dump({"template": template}, Dumper=_Dumper, sort_keys=False, width=116)


def asked_by_pulumi() -> list[Question]:
    """The questions that `pulumi new` can ask: those about top-level keys.

    Source: resolveTemplateConfig of pulumi 3.259 (pkg/cmd/pulumi/project/newcmd/config.go) does not parse paths.
    """
    return [question for question in QUESTIONS if "." not in question.path]


def set_by_commands() -> list[Question]:
    """The other questions, each a command of the quickstart."""
    return [question for question in QUESTIONS if "." in question.path]


def _value(question: Question) -> dict[str, object]:
    value: dict[str, object] = {"description": question.text}
    if question.is_secret:
        value["secret"] = True
    elif question.suggestion:
        value["default"] = question.suggestion
    return value


def _quickstart() -> str:
    lines = ["Set the other keys that a first stack needs, each only if the default does not fit:", ""]
    lines += [f"  {command_for(question)}   # {question.text}" for question in set_by_commands()]
    lines += ["", "Then: pulumi up", "Every key: docs/configuration.md. Another environment: python -m stackctl init"]
    return "\n".join(lines) + "\n"


def command_for(question: Question) -> str:
    """The command that sets the key of a question to its suggested answer or an example."""
    key = key_at(question.path.split("."))
    return fix_command(question.path, question.suggestion or (key and key.example) or "<value>")


class _Dumper(yaml.SafeDumper):
    """Writes a text of several lines as a block, as a person would."""

    def represent_str(self, data: str) -> yaml.ScalarNode:
        style = "|" if "\n" in data else None
        return self.represent_scalar("tag:yaml.org,2002:str", data, style=style)


_Dumper.add_representer(str, _Dumper.represent_str)
