"""The secrets of a config as the operator gives them: flat keys, members of `secretEnv`, references."""

import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from components.blocks.finding import Finding, fix_command
from components.open_webui.secret_variables import REFERENCES_ONLY, secret_variable_error
from pulumi_values import property_paths

from .files import ENCRYPTED, StackFileError, is_encrypted, stack_config
from .findings import PROJECT, plain_secret
from .report import HIDDEN
from .secret_keys import SECRET_ENV, SECRET_KEYS
from .secret_references import reference_path


@dataclass(frozen=True, kw_only=True)
class Secrets:
    """The secrets of a config by their names: config keys and environment variables."""

    values: Mapping[str, str]
    """The values; a placeholder where the config was read without its passphrase."""

    members: frozenset[str]
    """Those that are members of `secretEnv`."""

    references: frozenset[str]
    """Those that `existingSecrets` names."""

    @property
    def names(self) -> frozenset[str]:
        """Every secret that is set."""
        return frozenset({*self.values, *self.references})

    @property
    def variables(self) -> frozenset[str]:
        """Those that are environment variables and not config keys of the stack."""
        return self.names - SECRET_KEYS.keys() - REFERENCES_ONLY.keys()

    def path(self, name: str) -> str:
        """Where the config has the secret, or would have it."""
        if name in self.references and name not in self.values:
            return reference_path(name)
        return member_path(name) if name in self.members else name


def member_path(name: str) -> str:
    """Path of a member of `secretEnv`, as the user writes it."""
    return property_paths.render([SECRET_ENV, name])


def read_secrets(
    values: Mapping[str, object], encrypted: Collection[str], references: Collection[str]
) -> tuple[Secrets, list[Finding]]:
    """The secrets, and what is wrong with them whatever the settings are.

    Args:
        values: the secret config keys of the project, as the engine passes them.
        encrypted: those that are encrypted.
        references: names in `existingSecrets`.
    """
    findings: list[Finding] = []
    flat: dict[str, str] = {}
    members: dict[str, str] = {}
    for key, value in values.items():
        if key == SECRET_ENV:
            members, more = _members(value, encrypted=key in encrypted)
            findings += more
        elif key in encrypted and _is_set(value):
            flat[key] = str(value)
        elif key not in encrypted and value != "":
            findings.append(plain_secret(key))
    findings += _twice(flat.keys(), members.keys(), references)
    secrets = Secrets(
        values=members | flat, members=frozenset(members.keys() - flat.keys()), references=frozenset(references)
    )
    return secrets, findings


def plain_members(file: Path) -> list[str]:
    """Members of `secretEnv` that a stack file has in plain text.

    The engine decrypts an object with one encrypted member as a whole: the program cannot tell which members were in
    plain text.
    """
    try:
        members = stack_config(file, PROJECT).get(f"{PROJECT}:{SECRET_ENV}") if file.is_file() else None
    except StackFileError:
        return []  # the CLI has read it: it is not the file of this stack
    return [name for name, value in members.items() if not is_encrypted(value)] if isinstance(members, dict) else []


def plain_member(name: str) -> Finding:
    """The finding about a member of `secretEnv` that is not encrypted."""
    return plain_secret(member_path(name))


def _members(text: object, *, encrypted: bool) -> tuple[dict[str, str], list[Finding]]:
    if text == ENCRYPTED or text in ("", None):
        return {}, []
    try:
        content = json.loads(str(text))
    except ValueError:
        content = None
    if not isinstance(content, dict):
        return {}, [_not_an_object()]
    if not encrypted:
        return {}, [plain_member(name) for name in content]
    findings = [finding for name, value in content.items() for finding in _wrong_member(name, value)]
    wrong = {finding.key for finding in findings}
    return {name: str(value) for name, value in content.items() if member_path(name) not in wrong}, findings


def _wrong_member(name: str, value: object) -> Iterator[Finding]:
    error: tuple[str, str] | None
    if value == ENCRYPTED or is_encrypted(value):
        error = secret_variable_error(name, None)
    elif isinstance(value, str) and _is_set(value):
        error = secret_variable_error(name, value)
    else:
        error = "empty, or not a text", "a text"
    if error:
        yield _finding(member_path(name), *error)


def _twice(flat: Collection[str], members: Collection[str], references: Collection[str]) -> Iterator[Finding]:
    for name in sorted(members):
        if name in flat:
            yield _finding(member_path(name), f"{name} is also the secret config key {name}", "one of the two")
    for name in sorted(references):
        if name in flat or name in members:
            other = member_path(name) if name in members else name
            yield _finding(reference_path(name), f"{name} also has a value, in {other}", "a value or a reference")


def _finding(path: str, message: str, allowed: str) -> Finding:
    return Finding(key=path, value=HIDDEN, message=message, allowed=allowed, commands=(fix_command(path, ""),))


def _not_an_object() -> Finding:
    return Finding(
        key=SECRET_ENV,
        value=HIDDEN,
        message="not an object of encrypted values",
        allowed="names of environment variables, each with an encrypted value",
        commands=(fix_command(SECRET_ENV, ""), f"pulumi config set --secret --path '{SECRET_ENV}.<NAME>'"),
    )


def _is_set(secret: object) -> bool:
    return bool(str(secret or "").strip())
