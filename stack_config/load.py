"""Turns the stack's config into settings, or into one report of every problem in it."""

import copy
import difflib
import itertools
import json
from collections.abc import Collection, Iterator, Mapping
from typing import Any

import pulumi
from pulumi.runtime.config import CONFIG, is_config_secret
from pydantic import ValidationError
from pydantic_core import ErrorDetails

from components.blocks.base_settings import CROSS_FIELD, Problem
from components.blocks.finding import Finding, fix_command
from components.open_webui.variable_rules import key_of_variable, meant_variable, variable_warnings

from .files import ENCRYPTED
from .keys import ConfigKey, all_paths, config_keys, is_secret_key
from .report import HIDDEN, Location, command_of, path_of, report, secret_command, shown, suggested_value
from .settings import SECRET_KEYS, StackSettings, secret_problems, secret_value_problems, upload_problems

PROJECT = "open-webui-stack"


class ConfigError(pulumi.RunError):
    """The stack's config is invalid; the message is the whole report. Nothing has been registered or changed."""


def load_settings() -> tuple[StackSettings, Mapping[str, pulumi.Output[str]]]:
    """Settings and secret inputs of the current stack.

    Raises:
        ConfigError: the config is invalid; nothing has been registered yet.
    """
    values = dict(CONFIG.get())
    settings = parse(values, {key for key in values if is_config_secret(key)})
    for warning in variable_warnings(settings.open_webui.env):
        pulumi.log.warn(warning)
    config = pulumi.Config()
    own_keys = [full_key.partition(":")[2] for full_key in values if full_key.startswith(f"{PROJECT}:")]
    return settings, {
        key: config.require_secret(key)
        for key in own_keys
        if is_secret_key(key) and _is_set(values[f"{PROJECT}:{key}"])
    }


def parse(values: Mapping[str, object], secret_keys: Collection[str]) -> StackSettings:
    """Settings from a config as the engine passes it: full keys, objects as JSON text.

    Args:
        values: ``open-webui-stack:redis`` and the like; keys of other projects are ignored.
        secret_keys: the keys of ``values`` that are encrypted.

    Raises:
        ConfigError: names every problem.
    """
    settings, findings = _check(values, secret_keys)
    if findings:
        raise ConfigError(report(findings))
    return settings


def _check(values: Mapping[str, object], secret_keys: Collection[str]) -> tuple[StackSettings, list[Finding]]:
    findings: list[Finding] = []
    raw: dict[str, Any] = {}
    secrets: dict[str, str] = {}
    for full_key, value in sorted(values.items()):
        project, _, key = full_key.partition(":")
        encrypted = full_key in secret_keys
        visible = HIDDEN if encrypted else value
        if project != PROJECT:
            if difflib.get_close_matches(project, [PROJECT], cutoff=0.8):
                findings.append(_misspelled_project(full_key, key, visible))
            continue
        if is_secret_key(key):
            if encrypted and _is_set(value):
                secrets[key] = str(value)
            elif not encrypted and value != "":
                findings.append(_plain_secret(key))
        elif key in config_keys():
            if encrypted:
                findings.append(_encrypted_setting(key))
            else:
                raw[key] = _decoded(key, value)
        else:
            findings.append(_unknown((key,), visible))
    settings, more, removed = _validated(raw)
    findings += more
    mentioned = {finding.key for finding in findings}
    for problem in secret_problems(settings, frozenset(secrets)):
        key, reason = problem.keys
        # An invalid or removed setting may be the one that needs the secret.
        unsure = any(f"{reason}.".startswith(f"{path}.") for path in mentioned | removed)
        if key not in mentioned and not (key in secrets and unsure):
            findings.append(_from_problem(problem, "", dict.fromkeys(secrets, HIDDEN)))
    # A stack file that is read without its passphrase holds a placeholder or the ciphertext.
    unseen = (ENCRYPTED, '{"secure":')
    own = {key: value for key, value in secrets.items() if key in SECRET_KEYS and not value.startswith(unseen)}
    for problem in secret_value_problems(settings, own):
        # The URL is checked against redis.external, which may itself be invalid.
        if not any(_overlap(path, problem.keys[1]) for path in mentioned | removed):
            findings.append(_from_problem(problem, "", dict.fromkeys(secrets, HIDDEN)))
    for problem in upload_problems(settings):
        # The problem may follow from another invalid value.
        if not any(_overlap(path, key) for path in mentioned | removed for key in problem.keys):
            findings.append(_from_problem(problem, "", raw))
    return settings, findings


def _overlap(one: str, other: str) -> bool:
    """Whether one of two paths equals or contains the other."""
    return f"{one}.".startswith(f"{other}.") or f"{other}.".startswith(f"{one}.")


def _is_set(secret: object) -> bool:
    return bool(str(secret or "").strip())


def _decoded(key: str, value: object) -> object:
    """The value of a top-level key: the engine passes text, JSON for everything but strings."""
    kind = config_keys()[key].type
    if value == "" and kind != "string":
        return None  # the engine passes an empty text for a key without a value
    if not isinstance(value, str) or (kind == "string" and not value.startswith(("{", "["))):
        return value
    try:
        return json.loads(value)
    except ValueError:
        return value


def _validated(raw: dict[str, Any]) -> tuple[StackSettings, list[Finding], set[str]]:
    """Settings, findings, and the paths of the values that were removed to get valid settings.

    Each invalid value is removed and the rest is checked again, so that one report names every problem.
    """
    remaining = copy.deepcopy(raw)
    findings: list[Finding] = []
    wrong: set[Location] = set()
    removed: set[str] = set()
    while True:
        try:
            return StackSettings.model_validate(remaining), findings, removed
        except ValidationError as error:
            before = copy.deepcopy(remaining)
            for detail in error.errors():
                for finding, locations in _findings(detail, raw):
                    if not wrong.isdisjoint(locations):
                        edited = _remove(remaining, locations)
                    else:
                        findings.append(finding)
                        edited = _use_example(remaining, locations) or _remove(remaining, locations)
                    wrong.add(locations[0])
                    if edited:
                        removed.add(path_of(edited))
                        wrong.add(edited)  # a problem that follows from the edit is not the user's error
        # The only key without a default; with any value the other keys can be checked.
        if ("kubeContext",) in wrong:
            remaining.setdefault("kubeContext", "unknown")
        if remaining == before:
            # The defaults break a rule: there is nothing to remove, and the loop would not end.
            raise ConfigError(report(findings))


def _use_example(values: dict[str, Any], locations: list[Location]) -> Location | None:
    """Set a string key without a default to its example, so that keys that depend on it are checked, too."""
    [location, *others] = locations
    key = config_keys().get(path_of(location))
    if others or key is None or key.type != "string" or key.default or not key.example:
        return None
    level = _level(values, location)
    if level is None or location[-1] not in level:
        return None
    level[location[-1]] = key.example
    return location


def _remove(values: dict[str, Any], locations: list[Location]) -> Location | None:
    """Remove the first of the values that is set. The others are defaults, which fit together."""
    for location in map(_of_a_key, locations):
        level = _level(values, location)
        if level is not None and location[-1] in level:
            del level[location[-1]]
            return location
    return None


def _of_a_key(location: Location) -> Location:
    """The key that the value belongs to: an invalid element is removed with its list."""
    return tuple(itertools.takewhile(lambda step: not isinstance(step, int), location))


def _level(values: dict[str, Any], location: Location) -> dict[Any, Any] | None:
    """The object that holds the value, if it exists."""
    level: Any = values
    for parent in location[:-1]:
        level = level.get(parent) if isinstance(level, dict) else None
    return level if isinstance(level, dict) else None


def _findings(detail: ErrorDetails, raw: Mapping[str, Any]) -> Iterator[tuple[Finding, list[Location]]]:
    location = detail["loc"]
    if detail["type"] == CROSS_FIELD:
        prefix = "".join(f"{part}." for part in location)
        for problem in detail["ctx"]["problems"]:
            yield _from_problem(problem, prefix, raw), [(*location, *key.split(".")) for key in problem.keys]
    elif detail["type"] == "extra_forbidden":
        yield _unknown(location, detail["input"]), [location]
    elif "of_name" in detail.get("ctx", {}):
        # pydantic adds a step to the location of a key.
        yield _wrong_name(location[:-1], detail), [location[:-1]]
    else:
        yield _wrong_value(path_of(location), detail), [location]


def _from_problem(problem: Problem, prefix: str, raw: Mapping[str, Any]) -> Finding:
    key = f"{prefix}{problem.keys[0]}"
    value = _value_at(raw, key)
    declared = config_keys().get(key)
    element = (
        f"[{len(value) if isinstance(value, list) else 0}]" if declared and declared.type.startswith("list") else ""
    )
    return Finding(
        key=key,
        value=shown(key, "" if value is None else value),
        message=problem.message,
        allowed=problem.allowed,
        commands=(command_of(problem.fix, key, f"{key}{element}"),),
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


def _wrong_value(path: str, detail: ErrorDetails) -> Finding:
    context = detail.get("ctx", {})
    key = config_keys().get(path)
    value = detail["input"]
    if key and key.is_list:
        return _no_list(path, key, value)
    if key:
        example = suggested_value(key, value) or str(context.get("example", ""))
        allowed = context.get("allowed") or key.allowed
    elif elements := config_keys().get(path.rpartition("[")[0]):
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
        commands=(*again, fix_command(path, "" if structured or value is None else example)),
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


def _suggested(prefix: str, name: str, members: list[str]) -> str | None:
    """The known key that an unknown key probably stands for."""
    if f"{prefix}{name}" in all_paths():
        return f"{prefix}{name}"  # a path as a key: `"ingress.enabled": true`
    if not prefix and name[:1].isupper() and (variable := meant_variable(name)):
        return key_of_variable(variable)
    # A key at the wrong depth is as common as a misspelled one: `maxmemory` instead of `redis.maxmemory`.
    elsewhere = [known for known in all_paths() if known.rpartition(".")[2] == name]
    near = difflib.get_close_matches(name, members, n=1)
    if elsewhere and (not near or elsewhere[0] in SECRET_KEYS):
        return elsewhere[0]
    return f"{prefix}{near[0]}" if near else None


def _unknown(location: Location, value: object) -> Finding:
    *parents, name = map(str, location)
    path, prefix = path_of(location), "".join(f"{parent}." for parent in parents)
    siblings = [known[len(prefix) :] for known in all_paths() if known.startswith(prefix)]
    members = [sibling for sibling in siblings if "." not in sibling]
    suggestion = _suggested(prefix, name, members)
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
    key = config_keys().get(suggestion)
    if is_secret_key(suggestion):
        yield secret_command(suggestion)
    elif key and not key.is_object and not isinstance(value, dict | list):
        text = value if isinstance(value, str) else json.dumps(value)
        yield fix_command(suggestion, "<value>" if visible == HIDDEN else text or "<value>")


def _misspelled_project(full_key: str, key: str, value: object) -> Finding:
    return Finding(
        key=full_key,
        value=shown(key, value, known=False),
        message=f"not a key of this project, did you mean {PROJECT}:{key}?",
        allowed=f"keys that begin with {PROJECT}:, or with the name of another project or provider",
        commands=(fix_command(full_key, ""),),
    )


def _plain_secret(key: str) -> Finding:
    return Finding(
        key=key,
        value=HIDDEN,
        message="a secret in plain text; treat it as leaked and create a new one",
        allowed="an encrypted value",
        commands=(secret_command(key),),
    )


def _encrypted_setting(key: str) -> Finding:
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


def _value_at(values: Mapping[str, Any], path: str) -> object:
    level: Any = values
    for part in path.split("."):
        level = level.get(part) if isinstance(level, dict) else None
    if level is None and (key := config_keys().get(path)) and not key.is_object:
        return key.default
    return level
