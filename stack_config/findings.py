"""The finding of each problem of a config: the key, the value, what is allowed, the commands that fix it."""

import difflib
import json
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic_core import ErrorDetails

from components.blocks.base_settings import CROSS_FIELD, Problem
from components.blocks.finding import Finding, fix_command
from components.open_webui.variable_rules import key_of_variable, meant_variable
from pulumi_values import property_paths

from .keys import ELEMENT, NAME, ConfigKey, all_paths, config_keys, is_secret_key, key_at, pattern_of
from .report import HIDDEN, Location, command_of, path_of, secret_command, shown, suggested_value
from .secret_keys import SECRET_KEYS

PROJECT = "open-webui-stack"
MISSING = "missing"
"""Type of pydantic's error about a key that an object needs and does not have."""


def findings_of(detail: ErrorDetails, raw: Mapping[str, Any]) -> Iterator[tuple[Finding, list[Location]]]:
    """The findings of one of pydantic's errors, each with the locations of the values it is about.

    Args:
        detail: the error.
        raw: the config.
    """
    location = detail["loc"]
    if detail["type"] == CROSS_FIELD:
        for problem in detail["ctx"]["problems"]:
            locations: list[Location] = [(*location, *property_paths.parse(key)) for key in problem.keys]
            yield from_problem(problem, location, raw), locations
    elif detail["type"] == MISSING:
        yield _missing(location), [location]
    elif detail["type"] == "extra_forbidden":
        yield unknown(location, detail["input"]), [location]
    elif "of_name" in detail.get("ctx", {}):
        # pydantic adds a step to the location of a key.
        yield _wrong_name(location[:-1], detail), [location[:-1]]
    else:
        yield _wrong_value(location, detail), [location]


def from_problem(problem: Problem, parents: Location, raw: Mapping[str, Any]) -> Finding:
    """The finding of a rule that values break together.

    Args:
        problem: the problem, with keys relative to its model.
        parents: where the model is in the config; empty for the stack's.
        raw: the config.
    """
    location = (*parents, *property_paths.parse(problem.keys[0]))
    key, value, declared = path_of(location), _value_at(raw, location), key_at(location)
    element = f"[{len(value) if isinstance(value, list) else 0}]" if declared and declared.is_list else ""
    return Finding(
        key=key,
        # A variable of a container has its name beside the value, not in front of it.
        value=HIDDEN if declared and declared.is_of_kubernetes else shown(key, "" if value is None else value),
        message=problem.message,
        allowed=problem.allowed,
        commands=(command_of(problem.fix, key, f"{key}{element}"),),
    )


def _missing(location: Location) -> Finding:
    path, key = path_of(location), key_at(location)
    return Finding(
        key=path,
        value=shown(path, ""),
        message="missing: the object needs it",
        allowed=key.allowed if key else "a value",
        commands=(fix_command(path, (key and key.suggestion) or "<value>"),),
    )


def _message(detail: ErrorDetails) -> str:
    """The message for the user; those of pydantic speak of inputs and patterns."""
    if detail["input"] is None:
        return "empty: the key has no value"
    kind = detail["type"]
    if kind.endswith("_type"):
        return "wrong type"
    if kind in ("greater_than_equal", "less_than_equal"):
        return "out of range"
    if kind == "literal_error":
        return "not an allowed value"
    if kind in ("string_too_short", "string_too_long"):
        return "empty" if detail["input"] == "" else "too short" if kind == "string_too_short" else "too long"
    return detail["msg"]


def _wrong_value(location: Location, detail: ErrorDetails) -> Finding:
    path, key = path_of(location), key_at(location)
    context = detail.get("ctx", {})
    value = detail["input"]
    if key and key.is_list and not key.is_object:
        return _no_list(path, key, value)
    if key:
        example = suggested_value(key, value) or str(context.get("example", ""))
        allowed = context.get("allowed") or key.allowed
    elif isinstance(location[-1], int) and (elements := key_at(location[:-1])):
        # No command removes the element: that would shift the indexes of the elements after it.
        return Finding(
            key=path,
            value=shown(path, value),
            message=_message(detail),
            allowed=str(context.get("allowed") or "string"),
            commands=(fix_command(path, str(context.get("example") or elements.example)),),
        )
    else:
        # A key that the user chose: a variable, an annotation.
        example = str(value) if isinstance(value, float) else ""
        allowed = context.get("allowed") or "string, with quotes around it in the stack's file"
    # Where the file holds a string, the CLI writes a string again, even for 3 and true.
    texts = key is not None and key.type in ("integer", "boolean") and isinstance(value, str)
    again = (fix_command(path, ""),) if texts and "." in path else ()
    structured = key is not None and (key.is_object or key.type.startswith("object"))
    return Finding(
        key=path,
        # A text in the place of an object may contain the whole object: `env: "OPENAI_API_KEY=..."`.
        value=HIDDEN
        if context.get("hide") or (structured and isinstance(value, str) and value)
        else shown(path, value),
        message=_message(detail),
        allowed=str(allowed),
        # Without a value to suggest, both commands remove the key.
        commands=tuple(dict.fromkeys((*again, fix_command(path, "" if structured or value is None else example)))),
    )


def _no_list(path: str, key: ConfigKey, value: object) -> Finding:
    # The CLI cannot set an element of a value that is not a list yet.
    element = value if isinstance(value, str) and value else key.example or "<value>"
    return Finding(
        key=path,
        value=shown(path, value),
        message="not a list",
        allowed=f"{key.type}; one command for each",
        commands=(fix_command(path, ""), fix_command(f"{path}[0]", element)),
    )


def _wrong_name(location: Location, detail: ErrorDetails) -> Finding:
    path = path_of(location)
    return Finding(
        key=path,
        value=HIDDEN,
        message=detail["msg"],
        allowed=str(detail["ctx"]["allowed"]),
        commands=(fix_command(path, ""),),
    )


def _suggested(parents: Location, name: str, members: list[str]) -> str | None:
    """The known key that an unknown key probably stands for."""
    if key_at((*parents, *_steps(name))):
        return path_of((*parents, *_steps(name)))  # a path as a key: `"ingress.enabled": true`
    if not parents and name[:1].isupper() and (variable := meant_variable(name)):
        return key_of_variable(variable)
    # A key at the wrong depth is as common as a misspelled one: `maxmemory` instead of `redis.maxmemory`. That of an
    # element would need the name of one.
    outside = [known for known in all_paths() if NAME not in known and ELEMENT not in known]
    elsewhere = [known for known in outside if known.rpartition(".")[2] == name]
    near = difflib.get_close_matches(name, members, n=1)
    if elsewhere and (not near or elsewhere[0] in SECRET_KEYS):
        return elsewhere[0]
    return path_of((*parents, near[0])) if near else None


def _steps(path: str) -> Location:
    try:
        return tuple(property_paths.parse(path))
    except ValueError:
        return (path,)


def unknown(location: Location, value: object) -> Finding:
    """The finding about a key that the stack does not have."""
    *parents, name = location
    path, pattern = path_of(location), pattern_of(parents)
    prefix = f"{pattern}." if pattern else ""
    siblings = [known.removeprefix(prefix) for known in all_paths() if known.startswith(prefix)]
    members = [sibling for sibling in siblings if sibling.isalnum()]
    suggestion = _suggested(tuple(parents), str(name), members)
    return Finding(
        key=path,
        value=shown(path, value, known=False),
        message=f"unknown key{f', did you mean {suggestion}?' if suggestion else ''}",
        allowed=f"one of {', '.join(sorted(members))}",
        commands=(fix_command(path, ""), *_moved(suggestion, shown(path, value, known=False), value)),
    )


def _moved(suggestion: str | None, visible: str, value: object) -> Iterator[str]:
    """The command that sets the suggested key."""
    if suggestion is None or value is None:
        return
    key = key_at(_steps(suggestion))
    if is_secret_key(suggestion):
        yield secret_command(suggestion)
    elif key and not key.is_object and not isinstance(value, dict | list):
        text = value if isinstance(value, str) else json.dumps(value)
        yield fix_command(suggestion, "<value>" if visible == HIDDEN else text or "<value>")


def misspelled_project(full_key: str, key: str, value: object) -> Finding:
    """The finding about a key of a project whose name is nearly the stack's."""
    return Finding(
        key=full_key,
        value=shown(key, value, known=False),
        message=f"not a key of this project, did you mean {PROJECT}:{key}?",
        allowed=f"keys that begin with {PROJECT}:, or with the name of another project or provider",
        commands=(fix_command(full_key, ""),),
    )


def plain_secret(key: str) -> Finding:
    """The finding about a secret that is not encrypted."""
    return Finding(
        key=key,
        value=HIDDEN,
        message="a secret in plain text; treat it as leaked and create a new one",
        allowed="an encrypted value",
        commands=(secret_command(key),),
    )


def encrypted_setting(key: str) -> Finding:
    """The finding about an encrypted value of a key that is not a secret."""
    declared = config_keys()[key]
    again = () if declared.is_object else (fix_command(key, declared.suggestion or "<value>"),)
    return Finding(
        key=key,
        value="[secret]",
        message=f"{'a value in it is ' if declared.is_object else ''}encrypted, but it is not a secret: "
        "its value appears in Kubernetes objects in plain text",
        allowed=f"a plain value; secrets are the keys {', '.join(SECRET_KEYS)}",
        commands=(fix_command(key, ""), *again),
    )


def value_at(values: Mapping[str, Any], location: Location) -> object:
    """The value at a location of the config; None where there is none."""
    level: Any = values
    for step in location:
        if isinstance(step, int):
            level = level[step] if isinstance(level, list) and step < len(level) else None
        else:
            level = level.get(step) if isinstance(level, dict) else None
    return level


def _value_at(values: Mapping[str, Any], location: Location) -> object:
    """The value, or the default of the key."""
    value = value_at(values, location)
    key = key_at(location)
    return key.default if value is None and key and not key.is_object else value
