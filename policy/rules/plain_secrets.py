"""Secrets belong in Secrets: permissions that do not include Secrets allow reading every other object."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from .objects import Object, Unknown, containers, field, items, pod
from .rule import Context, ObjectRule
from .secret_names import holds_secret, is_secret_name
from .secret_shapes import has_secret_value, secret_in_command, texts

# Lines that set a password: `password = x` of ini files and `password: x` of YAML; `"password": "x"` of JSON, anywhere
# in a line; `requirepass x` and `user … >x` of Redis, which need no name. A word in angle brackets, with a dollar or a
# percent sign stands for a value that is filled in later.
_CONFIGURED = tuple(
    re.compile(pattern, re.MULTILINE)
    for pattern in (
        r"^\s*(?P<name>[\w.-]+)\s*[=:]\s*[\"']?[^\s\"'<$%{#(\[][^\s\"']{3,}[\"']?\s*$",
        r"[\"'](?P<name>[\w.-]+)[\"']\s*:\s*[\"'][^\"'<$%{]",
        r"^\s*(?P<name>requirepass|masterauth)\s+[\"']?[^\s\"'<$%{#(]",
        r"^\s*sentinel\s+(?P<name>auth-pass)\s+\S+\s+[^\s<$%{]",
        r"^\s*(?P<name>user)\s+\S+\s.*>[^\s<$%{]",
    )
)
_REFERENCE = re.compile(r"\$\([A-Za-z_][A-Za-z0-9_]*\)")
_SECRET_HEADERS = ("authorization", "proxy-authorization", "cookie")
# Programs are not configuration: their lines assign variables, whose names may be those of secrets.
_PROGRAM = re.compile(r"\.(?:py|sh|js|ts|rb|go|sql)$")


def plain_secrets(item: Object, _context: Context) -> Iterator[str]:
    """Places where an object has a secret in plain text. The messages name the place and never quote the secret."""
    kind = field(item, "kind")
    if kind == "Secret":
        # Its annotations are stored in plain text.
        yield from _metadata(field(item, "metadata"), "")
        return
    yield from _metadata(field(item, "metadata"), "")
    if kind == "ConfigMap":
        yield from _config_map(item)
    elif described := pod(item):
        if described.owner is not item or kind != "Pod":
            yield from _metadata({"annotations": described.annotations, "labels": described.labels}, "pod: ")
        for container in containers(described.spec):
            for message in _container(container):
                yield f"container {field(container, 'name')}: {message}"
    else:
        for path, text in texts({name: part for name, part in item.items() if name != "metadata"}):
            if has_secret_value(text):
                yield f"{path} has the form of a secret"


def _metadata(metadata: object, prefix: str) -> Iterator[str]:
    for part in ("annotations", "labels"):
        for name, value in (field(metadata, part) or {}).items():
            if not isinstance(value, str) or isinstance(value, Unknown) or not value:
                continue
            # `auth-secret` of an ingress controller names a Secret, as any such annotation does.
            named = holds_secret(name, value) and not name.lower().endswith("secret")
            if has_secret_value(value) or (named and not _is_checksum(value)):
                yield f"{prefix}{part[:-1]} {name} holds a secret in plain text"


def _container(container: Mapping[str, Any]) -> Iterator[str]:
    for variable in items(container.get("env")):
        value = field(variable, "value")
        if not isinstance(value, str) or isinstance(value, Unknown) or not value:
            continue
        named = holds_secret(str(field(variable, "name")), value) and not _only_refers(value)
        if has_secret_value(value) or named:
            yield f"variable {field(variable, 'name')} holds a secret in plain text"
    words = [str(word) for part in ("command", "args") for word in items(container.get(part))]
    if place := secret_in_command(words):
        yield f"its command line holds a secret in plain text: {place}"
    commands = [field(container, probe, "exec", "command") for probe in ("livenessProbe", "readinessProbe")]
    commands += [field(container, "startupProbe", "exec", "command")]
    commands += [field(container, "lifecycle", hook, "exec", "command") for hook in ("postStart", "preStop")]
    for command in commands:
        if place := secret_in_command([str(word) for word in items(command)]):
            yield f"the command of a probe or hook holds a secret in plain text: {place}"


def _only_refers(value: str) -> bool:
    """Whether every secret in the value is a reference, `$(OTHER)`, which the kubelet fills in.

    The value is a list of references with separators between them, or JSON in which references have the names of
    secrets.
    """
    if not _REFERENCE.sub("", value).strip(";, "):
        return True
    try:
        content = json.loads(value)
    except ValueError:
        return False
    return isinstance(content, dict | list) and not any(_in_json(content))


def _in_json(content: object) -> Iterator[str]:
    """Names of the members that hold a secret in plain text."""
    for name, member in content.items() if isinstance(content, dict) else ():
        secret = name == "key" or is_secret_name(name) or name.lower() in _SECRET_HEADERS
        if secret and isinstance(member, str) and member and not _REFERENCE.fullmatch(member):
            yield name
        yield from _in_json(member)
    for element in content if isinstance(content, list) else ():
        yield from _in_json(element)


def _config_map(item: Object) -> Iterator[str]:
    for part in ("data", "binaryData"):
        for name, value in (field(item, part) or {}).items():
            if not isinstance(value, str) or isinstance(value, Unknown):
                continue
            if has_secret_value(value) or holds_secret(name, value):
                yield f"{part} {name} holds a secret in plain text"
            elif not _PROGRAM.search(name):
                yield from (f"{part} {name} sets {setting} in plain text" for setting in _settings(value))


def _settings(text: str) -> Iterator[str]:
    """Names of the settings in a configuration whose value is a secret: the first one of each form."""
    for pattern in _CONFIGURED:
        names = (line["name"] for line in pattern.finditer(text))
        yield from [name for name in names if name == "user" or is_secret_name(name)][:1]


def _is_checksum(value: str) -> bool:
    return bool(re.fullmatch(r"[0-9a-f]{40,}", value))


RULES = (
    ObjectRule(
        name="no-plain-secrets",
        description="No secret is in plain text in a variable, an annotation, a ConfigMap or a command line.",
        remedy="Put it into a Secret and refer to it: secretKeyRef in env, or a volume.",
        check=plain_secrets,
    ),
)
