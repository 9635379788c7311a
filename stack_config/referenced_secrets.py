"""Checks that the Secrets of `existingSecrets` have their keys, before anything is registered.

A pod that refers to a missing key never starts, and the update waits for it until its deadline.
"""

from collections.abc import Callable, Iterator, Mapping

import pulumi

from components.blocks.finding import Finding, fix_command
from components.blocks.secret_reference import SecretReference

from .cluster_questions import NotFoundError, Question, kubectl
from .existing_namespace import StackNamespace
from .secret_references import EXISTING_SECRETS, reference_path

Keys = Callable[[str], frozenset[str] | None]
"""Keys of a Secret by its name; None when there is no such Secret. Raises NotAskedError."""

# Names of keys alone: no value of the Secret gets into this process.
_KEYS = "go-template={{range $key, $value := .data}}{{$key}}{{println}}{{end}}"


def secrets_question(references: Mapping[str, SecretReference], namespace: StackNamespace) -> Question:
    """Whether each Secret exists and has its key. Reading them needs a permission."""
    return Question(
        about=f"whether the Secrets of {EXISTING_SECRETS} exist",
        findings=lambda: secret_findings(references, namespace),
    )


def secret_findings(references: Mapping[str, SecretReference], namespace: StackNamespace) -> Iterator[Finding]:
    """One finding for each reference to a Secret or a key that does not exist.

    When the namespace does not exist yet, the Secrets cannot exist either: then a warning lists them.
    """
    if not namespace.is_missing:
        yield from missing_secrets(references, namespace, lambda name: _keys(namespace, name))
    elif namespace.created_by_stack:
        pulumi.log.warn(_without_namespace(references, namespace.name))


def missing_secrets(
    references: Mapping[str, SecretReference], namespace: StackNamespace, keys: Keys
) -> Iterator[Finding]:
    """One finding for each reference to a Secret or a key that does not exist."""
    known = {name: keys(name) for name in dict.fromkeys(each.name for each in references.values())}
    for secret, reference in references.items():
        present = known[reference.name]
        if present is not None and reference.key in present:
            continue
        path = reference_path(secret)
        if present is None:
            message = f"there is no Secret {reference.name} in {namespace.where}; pods that refer to it do not start"
        else:
            others = f"its keys are {', '.join(sorted(present))}" if present else "it has no keys"
            message = f"the Secret {reference.name} in {namespace.where} has no key {reference.key}; {others}"
        yield Finding(
            key=path,
            value=f"{reference.name}, key {reference.key}",
            message=message,
            allowed="a Secret that exists, and a key of it",
            commands=(
                f"kubectl {namespace.access.flags} -n {namespace.name} get secret {reference.name}".replace("  ", " "),
                *(fix_command(f"{path}.{part}", f"<{part}>") for part in (("key",) if present else ("name", "key"))),
            ),
        )


def _without_namespace(references: Mapping[str, SecretReference], namespace: str) -> str:
    secrets = ", ".join(sorted({f"{each.name} (key {each.key})" for each in references.values()}))
    return (
        f"the namespace {namespace} does not exist yet, nor do the Secrets of {EXISTING_SECRETS} in it: {secrets}. "
        "Pods that refer to them wait until they exist; after the deadline of the preflight the update fails"
    )


def _keys(namespace: StackNamespace, name: str) -> frozenset[str] | None:
    try:
        text = kubectl(namespace.access, "get", "secret", name, f"--namespace={namespace.name}", f"--output={_KEYS}")
    except NotFoundError:
        return None
    return frozenset(text.split())
