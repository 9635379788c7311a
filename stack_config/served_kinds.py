"""Checks that the cluster serves the custom kinds that the config needs, before anything is registered.

The provider does not report a missing kind in a preview, and an update would fail halfway, after a minute of retries.
"""

from collections.abc import Iterable, Iterator, Sequence

from components.blocks.custom_kinds import CustomKind, KindsNeeded
from components.blocks.finding import Finding, fix_command

from .cluster_access import ClusterAccess
from .cluster_questions import Ask, Question


def kinds_question(needed: Sequence[KindsNeeded], access: ClusterAccess, ask: Ask) -> Question:
    """Whether the cluster serves every kind.

    Every authenticated user may read the discovery API; custom resource definitions need a permission. If the provider
    cannot reach the cluster either, a preview works and an update fails at its first object.
    """
    keys = ", ".join(needs.key for needs in needed)
    return Question(
        about=f"whether the cluster serves the custom kinds that {keys} needs",
        findings=lambda: missing_kinds(needed, access, ask),
    )


def missing_kinds(needed: Iterable[KindsNeeded], access: ClusterAccess, ask: Ask) -> Iterator[Finding]:
    """One finding for each key that needs a kind which the API server does not serve."""
    for needs in needed:
        missing = [kind for kind in needs.kinds if not is_served(kind, ask)]
        if missing:
            yield _finding(needs, missing, access)


def is_served(kind: CustomKind, ask: Ask) -> bool:
    """Whether the API server serves a kind. Raises NotAskedError."""
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
