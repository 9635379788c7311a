"""The report on an invalid config: each problem, the value, the allowed values and the commands that fix it."""

import json
import re
import shlex
from collections.abc import Iterable

from components.blocks.base_settings import Fix
from components.blocks.credentials import has_credentials
from components.blocks.finding import Finding, fix_command
from components.blocks.secret_names import suggests_secret
from components.open_webui.environment_names import looks_secret
from pulumi_values import property_paths

from .keys import ConfigKey

HIDDEN = "[hidden]"
LONGEST_VALUE = 120

Location = tuple[str | int, ...]
"""The keys that lead to a value. A key that the user chose may contain a dot."""

_INDEX = re.compile(r"\[(\d+)\]")

_YES, _NO = ("yes", "on", "y", "1"), ("no", "off", "n", "0")


def report(findings: list[Finding]) -> str:
    """All findings as one text."""
    count = "1 problem" if len(findings) == 1 else f"{len(findings)} problems"
    body = "\n\n".join(str(finding) for finding in in_order_of_commands(findings))
    return f"The stack's config has {count}; nothing was changed.\n\n{body}\n\nEvery key: docs/configuration.md"


def in_order_of_commands(findings: list[Finding]) -> list[Finding]:
    """The findings, with those on the elements of a list from its last element to its first.

    The commands of a report are run from top to bottom, and the removal of an element moves all that follow it.
    """
    lists = [_INDEX.split(finding.key, 1)[0] for finding in findings]

    def order(position: int) -> tuple[int, list[int]]:
        indices = [-int(index) for index in _INDEX.findall(findings[position].key)]
        # Members of an element come before the element.
        return lists.index(lists[position]), [*indices, 1]

    return [findings[position] for position in sorted(range(len(findings)), key=order)]


def path_of(location: Iterable[str | int]) -> str:
    """The location as `pulumi config set --path` takes it."""
    # The first one is the name of a config key, which `--path` does not take quoted.
    first, *steps = location
    rest = property_paths.render(steps)
    return f"{first}{'' if not rest or rest.startswith('[') else '.'}{rest}"


def shown(path: str, value: object, *, known: bool = True) -> str:
    """The value as the report shows it. A value that may be a secret is hidden.

    Args:
        path: the path of its key.
        value: the value.
        known: whether the stack has this key. An unknown key is hidden by a broader rule.
    """
    if value == "":
        return "(not set)"
    if value is None:
        return "null"
    plain = _without_secrets(path, value, known)
    if not isinstance(plain, str):
        return _shortened(json.dumps(plain))
    # Quoted and escaped, so that a line break or a look-matching letter is visible.
    return _shortened(
        plain if plain.isascii() and plain.isprintable() and plain == plain.strip() else json.dumps(plain)
    )


def _without_secrets(path: str, value: object, known: bool) -> object:
    name = path.rpartition(".")[2]
    if looks_secret(name) or (not known and suggests_secret(name)):
        return HIDDEN
    if isinstance(value, dict):
        return {member: _without_secrets(f"{path}.{member}", below, False) for member, below in value.items()}
    if isinstance(value, list):
        # Elements have no names that would mark a secret: `["OPENAI_API_KEY=..."]`.
        return [HIDDEN if isinstance(element, str) else _without_secrets(path, element, False) for element in value]
    return HIDDEN if has_credentials(str(value)) else value


def _shortened(text: str) -> str:
    if len(text) <= LONGEST_VALUE:
        return text
    return f"{text[:LONGEST_VALUE]}... ({len(text)} characters)"


def secret_command(key: str) -> str:
    """The command that prompts for a secret."""
    path = f"--path {shlex.quote(key)}" if "." in key else key
    return f"pulumi config set --secret {path}   # asks for the value"


def command_of(fix: str | Fix, key: str, element: str) -> str:
    """The command of a fix. A value for a list becomes its next element."""
    match fix:
        case Fix.SET_SECRET:
            return secret_command(key)
        case Fix.REMOVE | "":
            return fix_command(key, "")
        case _:
            return fix_command(element, fix)


def suggested_value(key: ConfigKey, value: object) -> str:
    """The value that an invalid value probably stands for, else a valid value."""
    text = str(value).strip()
    if key.type == "boolean":
        return "true" if text.lower() in ("true", *_YES) else "false" if text.lower() in ("false", *_NO) else _any(key)
    if key.type == "integer" and key.minimum is not None and key.maximum is not None:
        try:
            number = int(float(text))
        except (ValueError, OverflowError):
            return _any(key)
        if isinstance(value, bool) or number < key.minimum:
            return _any(key)
        return str(min(number, key.maximum))  # a rotation counter must not restart
    matching = [choice for choice in key.choices if choice.lower() == text.lower()]
    return matching[0] if matching else _any(key)


def _any(key: ConfigKey) -> str:
    return "" if key.is_object else key.suggestion
