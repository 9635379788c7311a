"""Checks that the Secrets of `existingSecrets` have their keys, before anything is registered.

A pod that refers to a missing key never starts, and the update waits for it until its deadline.
"""

from collections.abc import Callable, Iterator, Mapping

import pulumi

from components.blocks.finding import Finding, fix_command
from components.blocks.secret_reference import SecretReference

from .cluster_access import ClusterAccess
from .cluster_questions import NotAskedError, kubectl, there_is_a_cluster
from .load import ConfigError
from .report import report
from .secret_references import EXISTING_SECRETS, reference_path

Keys = Callable[[str], frozenset[str] | None]
"""Keys of a Secret by its name; None when there is no such Secret. Raises NotAskedError."""

# Names of keys alone: no value of the Secret gets into this process.
_KEYS = "go-template={{range $key, $value := .data}}{{$key}}{{println}}{{end}}"


def require_existing(references: Mapping[str, SecretReference], namespace: str, access: ClusterAccess) -> None:
    """Check that each Secret exists and has its key. Warns if the API server cannot be asked.

    Needs permission to get these Secrets; without it there is a warning, as without a cluster. When the namespace does
    not exist yet, the Secrets cannot exist either: then a warning lists them.

    Raises:
        ConfigError: names every missing Secret and key; nothing has been registered yet.
    """
    if not references or not there_is_a_cluster():
        return
    try:
        if not kubectl(access, "get", "namespace", namespace, "--ignore-not-found", "--output=name"):
            pulumi.log.warn(_without_namespace(references, namespace))
            return
    except NotAskedError as error:
        # A user with rights in one namespace alone may still see the Secrets.
        if "(Forbidden)" not in str(error):
            pulumi.log.warn(f"not checked whether the Secrets of {EXISTING_SECRETS} exist: {error}")
            return
    try:
        findings = list(missing_secrets(references, namespace, access, lambda name: _keys(access, namespace, name)))
    except NotAskedError as error:
        pulumi.log.warn(f"not checked whether the Secrets of {EXISTING_SECRETS} exist: {error}")
        return
    if findings:
        raise ConfigError(report(findings))


def missing_secrets(
    references: Mapping[str, SecretReference], namespace: str, access: ClusterAccess, keys: Keys
) -> Iterator[Finding]:
    """One finding for each reference to a Secret or a key that does not exist."""
    known = {name: keys(name) for name in dict.fromkeys(each.name for each in references.values())}
    for secret, reference in references.items():
        present = known[reference.name]
        if present is not None and reference.key in present:
            continue
        path = reference_path(secret)
        where = f"namespace {namespace} of {access.name}"
        if present is None:
            message = f"there is no Secret {reference.name} in {where}; pods that refer to it do not start"
        else:
            others = f"its keys are {', '.join(sorted(present))}" if present else "it has no keys"
            message = f"the Secret {reference.name} in {where} has no key {reference.key}; {others}"
        yield Finding(
            key=path,
            value=f"{reference.name}, key {reference.key}",
            message=message,
            allowed="a Secret that exists, and a key of it",
            commands=(
                f"kubectl {access.flags} -n {namespace} get secret {reference.name}",
                *(fix_command(f"{path}.{part}", f"<{part}>") for part in (("key",) if present else ("name", "key"))),
            ),
        )


def _without_namespace(references: Mapping[str, SecretReference], namespace: str) -> str:
    secrets = ", ".join(sorted({f"{each.name} (key {each.key})" for each in references.values()}))
    return (
        f"the namespace {namespace} does not exist yet, nor do the Secrets of {EXISTING_SECRETS} in it: {secrets}. "
        "Pods that refer to them wait until they exist; after the deadline of the preflight the update fails"
    )


def _keys(access: ClusterAccess, namespace: str, name: str) -> frozenset[str] | None:
    try:
        text = kubectl(access, "get", "secret", name, f"--namespace={namespace}", f"--output={_KEYS}")
    except NotAskedError as error:
        if "(NotFound)" in str(error):
            return None
        raise
    return frozenset(text.split())
