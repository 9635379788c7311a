"""Turns the stack's config into settings, or into one report of every problem in it."""

import copy
import dataclasses
import difflib
import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pulumi
from pulumi.runtime.config import CONFIG, is_config_secret
from pydantic import ValidationError

from components.blocks.base_settings import Fix
from components.blocks.finding import Finding, fix_command
from components.blocks.secret_inputs import SecretInputs

from .cluster_access import KUBECONFIG, ClusterAccess, cluster_access, runs_in_cluster
from .cluster_questions import there_is_a_cluster
from .files import ENCRYPTED
from .findings import (
    MISSING,
    PROJECT,
    encrypted_setting,
    findings_of,
    from_problem,
    misspelled_project,
    unknown,
    value_at,
)
from .keys import config_keys, is_secret_key, key_at
from .named_secrets import composed_secret_problems, credential_problems, named_secret_problems
from .report import HIDDEN, Location, path_of, report
from .secret_keys import SECRET_ENV, SECRET_KEYS
from .secret_references import EXISTING_SECRETS
from .secret_rules import secret_problems, secret_value_problems, twice_problems
from .secret_sources import Secrets, member_path, plain_member, plain_members, read_secrets
from .settings import StackSettings, upload_problems

__all__ = ["PROJECT", "Checked", "ConfigError", "check", "load_access", "load_settings", "parse", "required_secrets"]


class ConfigError(pulumi.RunError):
    """The stack's config is invalid; the message is the whole report. Nothing has been registered or changed."""

    def __init__(self, message: str, findings: Sequence[Finding] = ()) -> None:
        super().__init__(message)
        self.findings = findings


def load_settings() -> tuple[StackSettings, SecretInputs]:
    """Settings and secret inputs of the current stack.

    Raises:
        ConfigError: the config is invalid; nothing has been registered yet.
    """
    values = dict(CONFIG.get())
    plain = plain_members(_stack_file()) if f"{PROJECT}:{SECRET_ENV}" in values else []
    checked = check(values, {key for key in values if is_config_secret(key)}, StackSettings, plain)
    if checked.findings:
        raise ConfigError(report(checked.findings))
    settings, secrets = checked.settings, checked.secrets
    for warning in settings.open_webui.warnings:
        pulumi.log.warn(warning)
    return settings.with_common_pods(), SecretInputs(
        values={name: _secret_output(name, secrets) for name in secrets.values},
        references=settings.existing_secrets,
        variables=secrets.variables,
        rotation=settings.rotate.existing_secrets,
    )


def load_access(settings: StackSettings) -> ClusterAccess:
    """How to reach the stack's cluster.

    Raises:
        ConfigError: `cluster.mode` is inCluster, and this is not a pod with a ServiceAccount's token.
    """
    mode = settings.cluster.mode
    if mode == "inCluster" and there_is_a_cluster() and not runs_in_cluster():
        outside = Finding(
            key="cluster.mode",
            value=mode,
            message="Pulumi does not run in a pod with a token of its ServiceAccount",
            allowed="inCluster in a pod; elsewhere context or kubeconfig",
            commands=(fix_command("cluster.mode", "context"),),
        )
        raise ConfigError(report([outside]))
    return cluster_access(mode, settings.kube_context, pulumi.Config().get(KUBECONFIG))


def _stack_file() -> Path:
    return Path(pulumi.get_root_directory() or ".") / f"Pulumi.{pulumi.get_stack()}.yaml"


def _secret_output(name: str, secrets: Secrets) -> pulumi.Output[str]:
    config = pulumi.Config()
    if name not in secrets.members:
        return config.require_secret(name)
    members: pulumi.Output[Mapping[str, str]] = config.require_secret_object(SECRET_ENV)
    return members.apply(lambda values: values[name])


def parse(values: Mapping[str, object], secret_keys: Collection[str]) -> StackSettings:
    """Settings from a config as the engine passes it: full keys, objects as JSON text.

    Args:
        values: ``open-webui-stack:redis`` and the like; keys of other projects are ignored.
        secret_keys: the keys of ``values`` that are encrypted.

    Raises:
        ConfigError: names every problem.
    """
    checked = check(values, secret_keys, StackSettings)
    if checked.findings:
        raise ConfigError(report(checked.findings))
    return checked.settings


def required_secrets(values: Mapping[str, object]) -> list[str]:
    """Paths of the secrets that a config without secrets needs, for `pulumi config set --secret --path`.

    Args:
        values: as for `parse`. An invalid value counts as not set.

    Raises:
        ConfigError: the defaults break a rule with one of the values.
    """
    raw = {}
    for full_key, value in values.items():
        project, _, key = full_key.partition(":")
        if project == PROJECT and key in config_keys():
            raw[key] = _decoded(key, value)
    settings, _, _ = _validated(raw, StackSettings)
    names = frozenset(settings.existing_secrets)
    flat = [problem.keys[0] for problem in secret_problems(settings, names) if problem.fix is Fix.SET_SECRET]
    named = [member_path(problem.keys[0]) for problem in named_secret_problems(settings, names, {})]
    return list(dict.fromkeys([*flat, *named]))


@dataclass(frozen=True, kw_only=True)
class Checked:
    """A config after all checks."""

    settings: StackSettings
    """Its settings, without the values that have a finding."""

    secrets: Secrets
    findings: list[Finding]
    """Every problem; empty if the config is valid."""


def check(
    values: Mapping[str, object],
    secret_keys: Collection[str],
    model: type[StackSettings],
    plain: Collection[str] = (),
) -> Checked:
    """Check a config as the engine passes it.

    Args:
        values: full keys, objects as JSON text or as they are.
        secret_keys: the keys of ``values`` that are encrypted.
        model: settings of the whole stack, or of a part of it.
        plain: members of `secretEnv` that the stack's file has in plain text.
    """
    findings: list[Finding] = []
    raw: dict[str, Any] = {}
    secret_values: dict[str, object] = {}
    encrypted_keys: set[str] = set()
    for full_key, value in sorted(values.items()):
        project, _, key = full_key.partition(":")
        encrypted = full_key in secret_keys
        visible = HIDDEN if encrypted else value
        if project != PROJECT:
            if difflib.get_close_matches(project, [PROJECT], cutoff=0.8):
                findings.append(misspelled_project(full_key, key, visible))
            continue
        if is_secret_key(key):
            secret_values[key] = value
            encrypted_keys |= {key} if encrypted else set()
        elif key in config_keys():
            if encrypted:
                findings.append(encrypted_setting(key))
            else:
                raw[key] = _decoded(key, value)
        else:
            findings.append(unknown((key,), visible))
    # Those of an invalid reference too: it is in the report, and not that the secret is missing.
    references = raw.get(EXISTING_SECRETS)
    secrets, more = read_secrets(secret_values, encrypted_keys, references if isinstance(references, dict) else ())
    findings += [*more, *map(plain_member, plain)]
    settings, more, removed = _validated(raw, model)
    findings += more
    findings += _problems_of_settings(settings, secrets, raw, {finding.key for finding in findings}, removed)
    return Checked(settings=settings, secrets=secrets, findings=findings)


def _problems_of_settings(
    settings: StackSettings, secrets: Secrets, raw: Mapping[str, Any], mentioned: set[str], removed: set[str]
) -> Iterator[Finding]:
    """Rules between the settings and the secrets, and those that the defaults break."""
    for problem in secret_problems(settings, secrets.names):
        key, reason = problem.keys
        path = secrets.path(key)
        # An invalid or removed setting may be the one that needs the secret.
        unsure = any(f"{reason}.".startswith(f"{each}.") for each in mentioned | removed)
        if path not in mentioned and not (key in secrets.names and unsure):
            yield from_problem(dataclasses.replace(problem, keys=(path,)), (), _hidden(secrets))
    # A stack file that is read without its passphrase holds a placeholder or the ciphertext.
    unseen = (ENCRYPTED, '{"secure":')
    seen = {key: value for key, value in secrets.values.items() if not value.startswith(unseen)}
    own = {key: value for key, value in seen.items() if key in SECRET_KEYS}
    for problem in secret_value_problems(settings, own):
        # The URL is checked against redis.external, which may itself be invalid.
        if not any(_overlap(path, problem.keys[1]) for path in mentioned | removed):
            path = secrets.path(problem.keys[0])
            yield from_problem(dataclasses.replace(problem, keys=(path,)), (), _hidden(secrets))
    named = named_secret_problems(settings, secrets.names, seen)
    replaced = credential_problems(settings, secrets.names)
    for problem in [*named, *composed_secret_problems(settings, secrets.names), *replaced]:
        variable, setting = problem.keys
        if not any(_overlap(path, setting) for path in mentioned | removed):
            path = secrets.path(variable) if variable in secrets.names else member_path(variable)
            yield from_problem(dataclasses.replace(problem, keys=(path,)), (), _hidden(secrets))
    for problem in [*upload_problems(settings), *twice_problems(settings, secrets.variables)]:
        # The problem may follow from another invalid value.
        if not any(_overlap(path, key) for path in mentioned | removed for key in problem.keys):
            yield from_problem(problem, (), raw)


def _hidden(secrets: Secrets) -> dict[str, Any]:
    """The config as the report may show it: where the secrets are."""
    flat = dict.fromkeys(secrets.values.keys() - secrets.members, HIDDEN)
    members = dict.fromkeys(secrets.members, HIDDEN)
    references = dict.fromkeys(secrets.references, HIDDEN)
    return {**flat, SECRET_ENV: members, EXISTING_SECRETS: references}


def _overlap(one: str, other: str) -> bool:
    """Whether one of two paths equals or contains the other."""
    first, second = (f"{path}.".replace("[", ".[") for path in (one, other))
    return first.startswith(second) or second.startswith(first)


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


def _validated(raw: dict[str, Any], model: type[StackSettings]) -> tuple[StackSettings, list[Finding], set[str]]:
    """Settings, findings, and the paths of the values that were removed to get valid settings.

    Each invalid value is removed and the rest is checked again, so that one report names every problem.
    """
    remaining = copy.deepcopy(raw)
    findings: list[Finding] = []
    wrong: set[Location] = set()
    removed: set[str] = set()
    while True:
        try:
            return model.model_validate(remaining), findings, removed
        except ValidationError as error:
            before = copy.deepcopy(remaining)
            for detail in error.errors():
                for finding, locations in findings_of(detail, raw):
                    known = not wrong.isdisjoint(locations)
                    if not known:
                        findings.append(finding)
                    edited = _edit(remaining, locations, missing=detail["type"] == MISSING, again=known)
                    wrong.add(locations[0])
                    if edited:
                        removed.add(path_of(edited))
                        wrong.add(edited)  # a problem that follows from the edit is not the user's error
        # The only key without a default; with any value the other keys can be checked.
        if ("kubeContext",) in wrong:
            remaining.setdefault("kubeContext", "unknown")
        if remaining == before:
            # The defaults break a rule: there is nothing to remove, and the loop would not end.
            raise ConfigError(report(findings), findings)


def _edit(values: dict[str, Any], locations: list[Location], *, missing: bool, again: bool) -> Location | None:
    """Make the values valid, as far as this problem goes. Returns what was changed.

    Args:
        values: the config, which is changed.
        locations: where the problem is.
        missing: whether the value is missing.
        again: whether there was a problem with it before.
    """
    if missing:
        return _fill(values, locations[0])
    return (None if again else _use_example(values, locations)) or _remove(values, locations)


def _use_example(values: dict[str, Any], locations: list[Location]) -> Location | None:
    """Set a string key without a default to its example, so that keys that depend on it are checked, too."""
    [location, *others] = locations
    key = key_at(location)
    if others or key is None or key.type != "string" or key.default or not key.example:
        return None
    level = value_at(values, location[:-1])
    if not isinstance(level, dict) or location[-1] not in level:
        return None
    level[location[-1]] = key.example
    return location


def _fill(values: dict[str, Any], location: Location) -> Location | None:
    """Set a key that an object lacks to a valid value, or remove the object."""
    key, level = key_at(location), value_at(values, location[:-1])
    if key is None or key.type != "string" or not key.suggestion or not isinstance(level, dict):
        return _remove(values, [location[:-1]])
    level[location[-1]] = key.suggestion
    return location


def _remove(values: dict[str, Any], locations: list[Location]) -> Location | None:
    """Remove the first of the values that is set. The others are defaults, which fit together."""
    for location in map(_of_a_key, locations):
        level = value_at(values, location[:-1])
        if isinstance(level, dict) and location[-1] in level:
            del level[location[-1]]
            return location
    return None


def _of_a_key(location: Location) -> Location:
    """The key that the value belongs to: an invalid element is removed with its list."""
    while location and isinstance(location[-1], int):
        location = location[:-1]
    return location
