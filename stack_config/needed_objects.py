"""Checks that the Secrets and ConfigMaps which the config names exist, before anything is registered.

A pod that refers to a missing one never starts, and the update waits for it until its deadline.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

import pulumi

from components.blocks.finding import Finding, fix_command
from components.blocks.needed_objects import NeededObject
from components.blocks.secret_reference import SecretReference

from .cluster_questions import NotFoundError, Question, kubectl
from .existing_namespace import StackNamespace
from .secret_references import EXISTING_SECRETS, reference_path

Entries = Callable[[NeededObject], frozenset[str] | None]
"""Names of the keys in the data of an object; None when it does not exist. Raises NotAskedError."""

# Names of keys alone: no value of a Secret gets into this process. A ConfigMap may have binary ones beside the others.
_TEMPLATE = "{{range $key, $value := .%s}}{{$key}}{{println}}{{end}}"
_KEYS = f"go-template={_TEMPLATE % 'data'}{_TEMPLATE % 'binaryData'}"


def secrets_question(references: Mapping[str, SecretReference], namespace: StackNamespace) -> Question:
    """Whether each Secret of `existingSecrets` exists and has its key. Reading them needs a permission."""
    needed = [_of_reference(secret, reference) for secret, reference in references.items()]
    return Question(
        about=f"whether the Secrets of {EXISTING_SECRETS} exist",
        findings=lambda: object_findings(needed, EXISTING_SECRETS, namespace),
    )


def object_question(needed: NeededObject, namespace: StackNamespace) -> Question:
    """Whether an object that a config key names exists and has its keys. Reading it needs a permission."""
    return Question(
        about=f"whether the {needed.kind} {needed.name} of {needed.key} exists",
        findings=lambda: object_findings([needed], needed.key, namespace),
    )


def object_findings(needed: Sequence[NeededObject], setting: str, namespace: StackNamespace) -> Iterator[Finding]:
    """One finding for each object or key in it that does not exist; a warning where the update works without it.

    When the namespace does not exist yet, the objects cannot exist either: then a warning lists those that are
    required.

    Args:
        needed: the objects.
        setting: the config key that names them.
        namespace: the stack's.
    """
    if not namespace.is_missing:
        yield from missing_objects(needed, namespace, lambda each: _entries(namespace, each))
    elif namespace.created_by_stack and any(each.is_required for each in needed):
        pulumi.log.warn(_without_namespace(needed, setting, namespace.name))


def missing_objects(needed: Sequence[NeededObject], namespace: StackNamespace, entries: Entries) -> Iterator[Finding]:
    """One finding for each object or key in it that does not exist."""
    known = {each.name: entries(each) for each in {each.name: each for each in needed}.values()}
    for each in needed:
        present = known[each.name]
        message = _missing(each, present, namespace)
        if message and each.is_required:
            yield _finding(each, message, namespace, exists=present is not None)
        elif message:
            pulumi.log.warn(f"{each.key}: {message}")


def _of_reference(secret: str, reference: SecretReference) -> NeededObject:
    path = reference_path(secret)
    return NeededObject(
        key=path, name=reference.name, entries=(reference.key,), keys_to_fix=(f"{path}.name", f"{path}.key")
    )


def _missing(needed: NeededObject, present: Collection[str] | None, namespace: StackNamespace) -> str | None:
    """The message about a missing object or key, with its consequence; None if nothing is missing."""
    if present is None:
        return f"there is no {needed.kind} {needed.name} in {namespace.where}; {needed.consequence}"
    if lacking := [entry for entry in needed.entries if entry not in present]:
        others = f"its keys are {', '.join(sorted(present))}" if present else "it has no keys"
        return f"the {needed.kind} {needed.name} in {namespace.where} has no key {', '.join(lacking)}; {others}"
    return None


def _finding(needed: NeededObject, message: str, namespace: StackNamespace, *, exists: bool) -> Finding:
    keys = needed.keys_to_fix or (needed.key,)
    flags = f"{namespace.access.flags} -n {namespace.name}".strip()
    return Finding(
        key=needed.key,
        value=needed.described,
        message=message,
        allowed=f"a {needed.kind} that exists, and keys that it has",
        commands=(
            f"kubectl {flags} get {needed.kind.lower()} {needed.name}",
            *(fix_command(key, f"<{key.rpartition('.')[2]}>") for key in (keys[-1:] if exists else keys)),
        ),
    )


def _without_namespace(needed: Sequence[NeededObject], setting: str, namespace: str) -> str:
    [kind] = {each.kind for each in needed}
    described = ", ".join(sorted({each.described for each in needed}))
    return (
        f"the namespace {namespace} does not exist yet, nor does any {kind} of {setting} in it: {described}. "
        "Pods that refer to it wait until it exists; after its deadline the update fails"
    )


def _entries(namespace: StackNamespace, needed: NeededObject) -> frozenset[str] | None:
    kind = needed.kind.lower()
    try:
        text = kubectl(namespace.access, "get", kind, needed.name, f"--namespace={namespace.name}", f"--output={_KEYS}")
    except NotFoundError:
        return None
    return frozenset(text.split())
