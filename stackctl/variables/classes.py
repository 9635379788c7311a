"""The classes of the variables, from `variables.yaml`, and the table of a release that follows from them."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from hashlib import sha256
from pathlib import Path
from typing import Any

import yaml

from components.open_webui.variable_rules import CONDITIONS
from components.open_webui.variables import Rule, VariableClass
from terminal.errors import LocalError

from .reading import Reading

_CLOSED = (VariableClass.STACK, VariableClass.COMMAND, VariableClass.REFUSED)
_NAMES, _PREFIXES = "names", "prefixes"


class ClassesError(LocalError):
    """The classes are invalid or incomplete; the message has one line for each error."""


@dataclass(frozen=True, kw_only=True)
class Classes:
    """The content of ``variables.yaml``."""

    release: str
    variables: Mapping[str, Rule]
    """By the name of a variable that Open WebUI reads."""

    libraries: Mapping[str, Rule]
    """By the name of a variable that a library reads."""

    prefixes: Mapping[str, Rule]

    @property
    def rules(self) -> dict[str, Rule]:
        """Every rule by its name."""
        every = [*self.variables.values(), *self.libraries.values(), *self.prefixes.values()]
        return {_name(rule): rule for rule in every}

    def of_class(self, *kinds: VariableClass) -> set[str]:
        """Names of the variables of the classes."""
        every = {**self.variables, **self.libraries}
        return {name for name, rule in every.items() if rule.kind in kinds}


def read_classes(path: Path) -> Classes:
    """The classes in the file.

    Raises:
        ClassesError: a name has two classes, or a rule is invalid.
    """
    content = yaml.safe_load(path.read_text())
    rules: dict[str, dict[str, Rule]] = {"groups": {}, "libraries": {}, _PREFIXES: {}}
    faults: list[str] = []
    for section in ("groups", "libraries"):
        for group in content[section]:
            rule = _rule(group)
            faults += _faults(rule, group)
            for kind, target in ((_NAMES, section), (_PREFIXES, _PREFIXES)):
                for name in str(group.get(kind, "")).split():
                    if name in rules[target]:
                        faults.append(f"{name} has two classes")
                    rules[target][name] = rule
    faults += [f"{name} is in both sections" for name in rules["groups"].keys() & rules["libraries"].keys()]
    if faults:
        raise ClassesError("\n".join(faults))
    return Classes(
        release=str(content["release"]),
        variables=rules["groups"],
        libraries=rules["libraries"],
        prefixes=rules[_PREFIXES],
    )


def unclassified(classes: Classes, readings: Mapping[str, Reading]) -> list[str]:
    """Errors of the classes, one line each: variables without a class, and classes of variables that are not read."""
    new = [
        f"{name} has no class ({', '.join(readings[name].places)})"
        for name in readings
        if name not in classes.variables
    ]
    gone = [f"{name} has a class and is not read" for name in classes.variables if name not in readings]
    return [*new, *gone]


def table(classes: Classes, readings: Mapping[str, Reading]) -> str:
    """The text of ``variables.json``.

    Raises:
        ClassesError: a variable without a class, or a class of a variable that is not read.
    """
    if faults := unclassified(classes, readings):
        raise ClassesError("\n".join(faults))
    # One line for each entry: a change of one variable is a change of one line.
    sections = {
        "release": json.dumps(classes.release),
        "rules": _lines({name: _plain(rule) for name, rule in sorted(classes.rules.items())}),
        "variables": _lines(
            {
                name: [_name(classes.variables[name]), reading.default, reading.places]
                for name, reading in sorted(readings.items())
            }
        ),
        "libraries": _lines({name: _name(rule) for name, rule in sorted(classes.libraries.items())}),
        "prefixes": _lines({name: _name(rule) for name, rule in sorted(classes.prefixes.items())}),
    }
    return "{\n" + ",\n".join(f"{json.dumps(name)}: {text}" for name, text in sections.items()) + "\n}\n"


def readings_of(content: Mapping[str, Any]) -> dict[str, Reading]:
    """The variables of the table's release, to compare another release with them."""
    return {
        name: Reading(places=tuple(places), default=default)
        for name, (_, default, places) in content["variables"].items()
    }


def differences(before: Mapping[str, Reading], after: Mapping[str, Reading]) -> Iterator[str]:
    """Changes of a release that need a review, one line for each variable."""
    for name in sorted(before.keys() | after.keys()):
        if name not in before:
            yield f"added    {name} (default {after[name].default}) {', '.join(after[name].places)}"
        elif name not in after:
            yield f"removed  {name}"
        elif before[name].default != after[name].default:
            yield f"changed  {name}: default {before[name].default} -> {after[name].default}"
        elif _modules(before[name]) != _modules(after[name]):
            yield f"changed  {name}: read in {_modules(before[name])} -> {_modules(after[name])}"


def _modules(reading: Reading) -> str:
    """The modules that read it, without lines, which move with every release."""
    return ", ".join(sorted({place.rpartition(":")[0] for place in reading.places}))


def _rule(group: Mapping[str, Any]) -> Rule:
    # YAML reads `on` and `off` as booleans.
    text = {key: {True: "on", False: "off"}.get(value, value) for key, value in group.items()}
    known = {field.name for field in fields(Rule)} - {"kind"}
    if unknown := set(text) - known - {"class", _NAMES, _PREFIXES}:
        raise ClassesError(f"not a member of a group: {', '.join(sorted(unknown))}")
    return Rule(
        kind=VariableClass(text["class"]), **{key: str(text[key]).strip() for key in known if text.get(key) is not None}
    )


def _name(rule: Rule) -> str:
    """A name derived from the rule alone: a changed rule changes only its own lines of the table."""
    return f"{rule.kind}-{sha256(json.dumps(_plain(rule), sort_keys=True).encode()).hexdigest()[:8]}"


def _plain(rule: Rule) -> dict[str, str]:
    members = {field.name: getattr(rule, field.name) for field in fields(rule) if field.name != "kind"}
    return {"class": rule.kind.value, **{key: text for key, text in members.items() if text}}


def _faults(rule: Rule, group: Mapping[str, Any]) -> Iterator[str]:
    first = str(group.get(_NAMES) or group.get(_PREFIXES)).split()[0]
    if rule.kind in _CLOSED and not (rule.key or rule.reason):
        yield f"{first}: class {rule.kind} needs a key or a reason"
    if rule.kind in (VariableClass.CONDITIONAL, VariableClass.REFUSED) and not rule.reason:
        yield f"{first}: class {rule.kind} needs a reason"
    if (rule.kind is VariableClass.CONDITIONAL) != bool(rule.condition) and rule.kind is not VariableClass.STACK:
        yield f"{first}: a condition goes with class conditional, or with class stack"
    if rule.condition and rule.condition not in CONDITIONS:
        yield f"{first}: {rule.condition} is not one of {', '.join(CONDITIONS)}"
    if rule.warning and rule.kind is not VariableClass.ALLOWED:
        yield f"{first}: a warning goes with class allowed"


def _lines(entries: Mapping[str, object]) -> str:
    return "{\n" + ",\n".join(f"{json.dumps(name)}: {json.dumps(entry)}" for name, entry in entries.items()) + "\n}"
