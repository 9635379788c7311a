"""Every environment variable that Open WebUI reads, with its class: the table behind `openWebui.env`.

The table is ``variables.json``, which ``python -m stackctl variables generate`` writes from a release's wheel and
from the classes in ``variables.yaml``. It is read only when a config names a variable: most previews need none of it.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Any

TABLE_FILE = Path(__file__).with_name("variables.json")
CLASSES_FILE = Path(__file__).with_name("variables.yaml")


class VariableClass(StrEnum):
    """The permitted use of a variable in `openWebui.env`."""

    STACK = "stack"
    """Refused: the stack sets it. With a condition: may be replaced where that holds."""

    COMMAND = "command"
    """Refused: the command line of the web pods decides it."""

    SECRET = "secret"
    """Refused: the secret config key of the same name holds it."""

    ALLOWED = "allowed"
    CONDITIONAL = "conditional"
    """Allowed where its condition holds."""

    REFUSED = "refused"


@dataclass(frozen=True, kw_only=True)
class Rule:
    """The class of some variables, from ``variables.yaml``, which a person maintains."""

    kind: VariableClass

    key: str = ""
    """The config key that replaces it; empty if there is none."""

    reason: str = ""
    """Why, as a sentence. Every class but ``secret`` and ``allowed`` has a key or a reason."""

    condition: str = ""
    """Name of the condition (`variable_rules.CONDITIONS`) under which it is allowed; empty for none."""

    when: str = ""
    """The value that the rule is about: ``on``, ``off``; empty for every one."""

    warning: str = ""
    """A warning that every update prints; empty if there is none."""

    def applies_to(self, value: str) -> bool:
        """Whether the rule is about that value. Open WebUI takes `true` for on, and anything else for off."""
        on = value.strip().lower() == "true"
        return not self.when or (self.when == "on") == on


@dataclass(frozen=True, kw_only=True)
class Variable:
    """One variable."""

    name: str
    rule: Rule

    places: tuple[str, ...] = ()
    """Where the release reads it, such as ``env.py:303``. Empty for a variable of a library."""

    default: str | None = None
    """Python source of its default; None for none."""

    named: bool = True
    """Whether the table names it. Otherwise its prefix belongs to a library."""

    @property
    def is_secret(self) -> bool | None:
        """Whether its value is a secret; None where the table does not decide it."""
        if self.rule.kind is VariableClass.SECRET:
            return True
        open_to_users = self.rule.kind in (VariableClass.ALLOWED, VariableClass.CONDITIONAL)
        return False if self.named and open_to_users else None


class VariableTable:
    """The variables of one release."""

    def __init__(self, content: Mapping[str, Any]) -> None:
        self._content = content
        self._rules = {
            name: Rule(kind=VariableClass(rule["class"]), **{key: text for key, text in rule.items() if key != "class"})
            for name, rule in content["rules"].items()
        }

    @property
    def release(self) -> str:
        """Release of Open WebUI that the table is of."""
        return str(self._content["release"])

    @property
    def names(self) -> list[str]:
        """Every variable that the release or a library reads, where it is named."""
        return [*self._content["variables"], *self._content["libraries"]]

    @property
    def read(self) -> list[Variable]:
        """Every variable that Open WebUI reads itself."""
        return [self._variable(name) for name in self._content["variables"]]

    def get(self, name: str) -> Variable | None:
        """The variable; None when neither the release nor a library in the image reads it."""
        if name in self._content["variables"]:
            return self._variable(name)
        if (rule := self._content["libraries"].get(name)) is not None:
            return Variable(name=name, rule=self._rules[rule])
        prefixes = [prefix for prefix in self._content["prefixes"] if name.startswith(prefix)]
        if not prefixes:
            return None
        rule = self._content["prefixes"][max(prefixes, key=len)]
        return Variable(name=name, rule=self._rules[rule], named=False)

    def _variable(self, name: str) -> Variable:
        rule, default, places = self._content["variables"][name]
        return Variable(name=name, rule=self._rules[rule], default=default, places=tuple(places))


@cache
def variable_table() -> VariableTable:
    """The table of the release that the stack deploys by default."""
    return VariableTable(json.loads(TABLE_FILE.read_text()))


def is_secret_variable(name: str) -> bool:
    """Whether there is a secret config key of that name: the variables that the table calls secrets."""
    # The keys of the stack are camelCase, so the first letter can decide without reading the table.
    variable = variable_table().get(name) if name[:1].isupper() else None
    return variable is not None and variable.rule.kind is VariableClass.SECRET
