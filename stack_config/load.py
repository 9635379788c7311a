"""From the stack's config to its settings, or one report of everything that is wrong with it."""

import copy
import difflib
import json
import re
import shlex
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pulumi
from pulumi.runtime.config import CONFIG, is_config_secret
from pydantic import ValidationError
from pydantic_core import ErrorDetails

from components.base_settings import CROSS_FIELD, Problem
from components.open_webui.environment_names import looks_secret
from settings import SECRET_KEYS, StackSettings, secret_problems

from .keys import all_paths, config_keys

PROJECT = "open-webui-stack"
HIDDEN = "[hidden]"


class ConfigError(pulumi.RunError):
    """The stack's config is wrong; the message is the whole report. Nothing has been registered or changed."""


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing that is wrong, as the report shows it."""

    key: str
    value: str
    message: str
    allowed: str
    commands: tuple[str, ...]

    def __str__(self) -> str:
        lines = [f"{self.key}: {self.message}", f"  value:    {self.value}", f"  allowed:  {self.allowed}"]
        labels = ("mend:", *[""] * (len(self.commands) - 1))
        lines += [f"  {label:<9} {command}" for label, command in zip(labels, self.commands, strict=True)]
        return "\n".join(lines)


def load_settings() -> tuple[StackSettings, Mapping[str, pulumi.Output[str]]]:
    """Settings and secret inputs of the stack that is being planned.

    Raises:
        ConfigError: something is wrong; nothing has been registered yet.
    """
    values = dict(CONFIG.get())
    settings = parse(values, {key for key in values if is_config_secret(key)})
    config = pulumi.Config()
    return settings, {key: config.require_secret(key) for key in SECRET_KEYS if values.get(f"{PROJECT}:{key}")}


def parse(values: Mapping[str, object], secret_keys: Collection[str]) -> StackSettings:
    """Settings of a config as the engine hands it over: full keys, objects as JSON text.

    Args:
        values: ``open-webui-stack:redis`` and the like; other projects' keys are left alone.
        secret_keys: those of ``values`` that are encrypted.

    Raises:
        ConfigError: with every problem found.
    """
    settings, findings = _check(values, secret_keys)
    if findings:
        raise ConfigError(_report(findings))
    return settings


def _report(findings: list[Finding]) -> str:
    count = "1 problem" if len(findings) == 1 else f"{len(findings)} problems"
    body = "\n\n".join(str(finding) for finding in findings)
    return f"The stack's config has {count}; nothing was changed.\n\n{body}\n\nEvery key: README.md, Configuration."


def _check(values: Mapping[str, object], secret_keys: Collection[str]) -> tuple[StackSettings, list[Finding]]:
    findings: list[Finding] = []
    raw: dict[str, Any] = {}
    secrets: set[str] = set()
    for full_key, value in sorted(values.items()):
        project, _, key = full_key.partition(":")
        if project != PROJECT:
            continue
        encrypted = full_key in secret_keys
        if key in SECRET_KEYS:
            if encrypted:
                secrets.add(key)
            elif value != "":
                findings.append(_plain_secret(key))
        elif key in config_keys():
            if encrypted:
                findings.append(_encrypted_setting(key))
            else:
                raw[key] = _decoded(key, value)
        else:
            findings.append(_unknown((key,), value))
    settings, more = _validated(raw)
    findings += more
    mentioned = {finding.key for finding in findings}
    for problem in secret_problems(settings, frozenset(secrets)):
        if not mentioned.intersection(problem.keys):
            findings.append(_from_problem(problem, "", {}))
    return settings, findings


def _decoded(key: str, value: object) -> object:
    """The value of a top-level key: the engine hands over text, JSON for all but strings."""
    if not isinstance(value, str) or config_keys()[key].type == "string":
        return value
    try:
        return json.loads(value)
    except ValueError:
        return value


Location = tuple[str | int, ...]
"""Where a value is: the keys on the way to it. A key of a user's own may hold a dot."""


def _validated(raw: dict[str, Any]) -> tuple[StackSettings, list[Finding]]:
    """Settings and findings; a wrong key is taken out and the rest checked again, so that one report names them all."""
    remaining = copy.deepcopy(raw)
    findings: list[Finding] = []
    wrong: set[Location] = set()
    while True:
        try:
            return StackSettings.model_validate(remaining), findings
        except ValidationError as error:
            for detail in error.errors():
                for finding, locations in _findings(detail, raw):
                    if not wrong.intersection(locations):
                        findings.append(finding)
                    wrong.add(locations[0])
                    _take_out(remaining, locations)
        # The one key without a default: a value for it lets the others be checked.
        if ("kubeContext",) in wrong:
            remaining.setdefault("kubeContext", "unknown")


def _take_out(values: dict[str, Any], locations: list[Location]) -> None:
    """Remove the first of the values that is there. All others are defaults, which fit together."""
    for *parents, last in locations:
        level: Any = values
        for parent in parents:
            level = level.get(parent) if isinstance(level, dict) else None
        if isinstance(level, dict) and last in level:
            del level[last]
            return


def _findings(detail: ErrorDetails, raw: Mapping[str, Any]) -> Iterator[tuple[Finding, list[Location]]]:
    location = detail["loc"]
    if detail["type"] == CROSS_FIELD:
        prefix = "".join(f"{part}." for part in location)
        for problem in detail["ctx"]["problems"]:
            yield _from_problem(problem, prefix, raw), [(*location, *key.split(".")) for key in problem.keys]
    elif detail["type"] == "extra_forbidden":
        yield _unknown(location, detail["input"]), [location]
    else:
        yield _wrong_value(_path(location), detail), [location]


def _path(location: Location) -> str:
    """The location as `pulumi config set --path` takes it."""
    first, *rest = location
    steps = (f".{step}" if re.fullmatch(r"[^.\[\]\"]+", str(step)) else f'["{step}"]' for step in rest)
    return f"{first}{''.join(steps)}"


def _from_problem(problem: Problem, prefix: str, raw: Mapping[str, Any]) -> Finding:
    key = f"{prefix}{problem.keys[0]}"
    return Finding(
        key=key,
        value=_shown(key, _value_at(raw, key)),
        message=problem.message,
        allowed=problem.allowed,
        commands=(_secret_command(key) if problem.example == "--secret" else _mend(key, problem.example),),
    )


def _wrong_value(path: str, detail: ErrorDetails) -> Finding:
    context = detail.get("ctx", {})
    key = config_keys().get(path)
    value = detail["input"]
    if "remove" in context:
        path, value = f"{path}.{context['remove']}", value[context["remove"]]
    allowed = context.get("allowed") or (key.allowed if key else "string")
    example = context.get("example") or (key.suggestion if key else "")
    return Finding(
        key=path,
        value=HIDDEN if context.get("hide") else _shown(path, value),
        message="wrong type" if detail["type"].endswith("_type") else detail["msg"],
        allowed=str(allowed),
        commands=(_mend(path, "" if key and key.is_object else str(example)),),
    )


def _unknown(location: Location, value: object) -> Finding:
    *parents, name = map(str, location)
    path, prefix = _path(location), "".join(f"{parent}." for parent in parents)
    siblings = [known[len(prefix) :] for known in all_paths() if known.startswith(prefix)]
    members = [sibling for sibling in siblings if "." not in sibling]
    near = difflib.get_close_matches(name, members, n=1)
    # A key at the wrong depth is as common as a misspelt one: `maxmemory` instead of `redis.maxmemory`.
    elsewhere = [known for known in all_paths() if known.rpartition(".")[2] == name]
    suggestion = f"{prefix}{near[0]}" if near else elsewhere[0] if elsewhere else None
    commands = [_mend(path, "")]
    if suggestion:
        shown = _shown(path, value)
        commands.append(
            _mend(suggestion, "<value>" if shown == HIDDEN or isinstance(value, dict | list) else str(value))
        )
    return Finding(
        key=path,
        value=_shown(path, value),
        message=f"unknown key{f', did you mean {suggestion}?' if suggestion else ''}",
        allowed=f"one of {', '.join(sorted(members))}",
        commands=tuple(commands),
    )


def _plain_secret(key: str) -> Finding:
    return Finding(
        key=key,
        value=HIDDEN,
        message="a secret given in plain text; treat it as leaked and make a new one",
        allowed="an encrypted value",
        commands=(_secret_command(key),),
    )


def _encrypted_setting(key: str) -> Finding:
    return Finding(
        key=key,
        value="[secret]",
        message="encrypted, but it is no secret: its value appears in plain Kubernetes objects",
        allowed=f"a plain value; secrets are the keys {', '.join(SECRET_KEYS)}",
        commands=(_mend(key, ""), _mend(key, config_keys()[key].suggestion or "<value>")),
    )


def _value_at(values: Mapping[str, Any], path: str) -> object:
    level: Any = values
    for part in path.split("."):
        level = level.get(part) if isinstance(level, dict) else None
    if level is None and (key := config_keys().get(path)) and not key.is_object:
        return key.default
    return level


def _shown(path: str, value: object) -> str:
    """The value for the report; what may be a secret is not repeated into a log."""
    words = path.replace(".", "_")
    snake = "".join(f"_{letter}" if letter.isupper() and not words.isupper() else letter for letter in words)
    if looks_secret(snake) or ("://" in str(value) and "@" in str(value)):
        return HIDDEN
    if value is None or value == "":
        return "(not set)"
    return value if isinstance(value, str) else json.dumps(value)


def _mend(path: str, value: str) -> str:
    flag = "--path " if "." in path or "[" in path else ""
    if not value:
        return f"pulumi config rm {flag}{shlex.quote(path)}"
    return f"pulumi config set {flag}{shlex.quote(path)} {value if value.startswith('<') else shlex.quote(value)}"


def _secret_command(key: str) -> str:
    return f"pulumi config set --secret {key}   # asks for the value"
