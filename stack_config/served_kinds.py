"""Checks that the cluster serves the custom kinds that the config needs, before anything is registered.

The provider does not report a missing kind in a preview, and an update would fail halfway, after a minute of retries.
"""

import json
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from typing import Any

import pulumi

from components.blocks.custom_kinds import CustomKind, KindsNeeded
from components.blocks.finding import Finding, fix_command

from .cluster_access import ClusterAccess
from .cluster_questions import NotAskedError, kubectl, there_is_a_cluster
from .load import ConfigError
from .report import report

Ask = Callable[[str], dict[str, Any]]
"""Sends a GET for a path to the API server and returns its answer. Raises NotAskedError."""


def require_served(needed: Iterable[KindsNeeded], access: ClusterAccess) -> None:
    """Check that the cluster of the context serves every kind. Warns if the API server cannot be reached.

    Every authenticated user may read the discovery API; custom resource definitions need a permission.

    Raises:
        ConfigError: names every missing kind; nothing has been registered yet.
    """
    listed = tuple(needed)
    if not listed or not there_is_a_cluster():
        return
    try:
        findings = list(missing_kinds(listed, access, asks(access)))
    except NotAskedError as error:
        # If the provider cannot reach it either, a preview works and an update fails at its first object.
        keys = ", ".join(needs.key for needs in listed)
        pulumi.log.warn(f"not checked whether the cluster serves the custom kinds that {keys} needs: {error}")
        return
    if findings:
        raise ConfigError(report(findings))


def asks(access: ClusterAccess) -> Ask:
    """A function that asks the API server of a cluster, each path once."""
    return cache(lambda path: _answer(access, path))


def missing_kinds(needed: Iterable[KindsNeeded], access: ClusterAccess, ask: Ask) -> Iterator[Finding]:
    """One finding for each key that needs a kind which the API server does not serve."""
    for needs in needed:
        missing = [kind for kind in needs.kinds if not _is_served(kind, ask)]
        if missing:
            yield _finding(needs, missing, access)


def _is_served(kind: CustomKind, ask: Ask) -> bool:
    groups = ask("/apis").get("groups", ())
    versions = {version["groupVersion"] for group in groups for version in group["versions"]}
    if kind.api_version not in versions:
        return False
    return kind.kind in {resource["kind"] for resource in ask(f"/apis/{kind.api_version}").get("resources", ())}


def _finding(needs: KindsNeeded, missing: list[CustomKind], access: ClusterAccess) -> Finding:
    kinds = ", ".join(f"{kind.kind} ({kind.api_version})" for kind in missing)
    served_by = missing[0].served_by
    return Finding(
        key=needs.key,
        value=needs.value,
        message=f"the cluster of {access.name} does not serve {kinds}; {served_by.name} is not installed there",
        allowed=f"any value, once {served_by.name} is installed; or the value below, which does not need it",
        commands=(served_by.install_command(access.flags), fix_command(needs.key, needs.off)),
    )


def _answer(access: ClusterAccess, path: str) -> dict[str, Any]:
    text = kubectl(access, "get", "--raw", path)
    try:
        answer: dict[str, Any] = json.loads(text)
    except ValueError as error:
        raise NotAskedError(f"{path} was not answered with JSON") from error
    return answer
