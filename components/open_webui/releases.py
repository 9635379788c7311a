"""Which releases of Open WebUI may run side by side, and what a change of the release does to the web pods.

The table is ``releases.json``, which ``python -m scripts.open_webui_releases generate`` writes from the wheels of the
releases and from the pairs that a person has classified in ``releases.yaml``. It is read only when a release changes.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from ..blocks.image_versions import tag
from .names import SCHEMA_UPGRADE_ANNOTATION

RELEASES_FILE = Path(__file__).with_name("releases.json")
PAIRS_FILE = Path(__file__).with_name("releases.yaml")

FINGERPRINT = ("head", "schema", "records", "sessions", "redis", "packages")
"""The fingerprints that two releases must share to run side by side (`scripts/open_webui_releases.py` describes
each)."""

_TAG = re.compile(r"v?(\d+\.\d+\.\d+)(?:-slim)?")


@dataclass(frozen=True, kw_only=True)
class ReleaseChange:
    """What a change from one image of Open WebUI to another does to the web pods."""

    rolls: bool
    """Whether old and new pods may serve at the same time. Otherwise all old ones stop before the first new one."""

    same_schema: bool
    """Whether both are known to have the same schema, so that either reads the database of the other."""

    across_schemas: bool = False
    """Whether the heads of both are known and differ, so that servers can tell their own schema from the other one."""

    reason: str
    """The reason, as a part of a sentence: ``both have schema revision 0bd252b206fb``."""


class ReleaseTable:
    """The known releases, and the pairs of them that a person has classified."""

    def __init__(self, content: Mapping[str, Any]) -> None:
        self._releases: Mapping[str, Mapping[str, str]] = content["releases"]
        self._pairs: list[Mapping[str, Any]] = content["pairs"]

    @property
    def releases(self) -> list[str]:
        """Every known release, the newest first."""
        return list(self._releases)

    def change(self, before: str, after: str) -> ReleaseChange:
        """What a change from one release to another does, in either direction: ``0.12.3``, ``0.12.4``."""
        if before == after:
            return ReleaseChange(rolls=True, same_schema=True, reason="the release stays the same")
        old, new = self._releases.get(before), self._releases.get(after)
        if old is None or new is None:
            unknown = " and ".join(name for name, known in ((before, old), (after, new)) if known is None)
            return ReleaseChange(rolls=False, same_schema=False, reason=f"the schema of {unknown} is not known")
        if old["head"] != new["head"]:
            return ReleaseChange(
                rolls=False,
                same_schema=False,
                across_schemas=True,
                reason=f"the schema changes from revision {old['head']} to {new['head']}",
            )
        schema = f"both have schema revision {new['head']}"
        if old == new:
            return ReleaseChange(
                rolls=True, same_schema=True, reason=f"{schema} and the same code for rows and for Redis"
            )
        for pair in self._pairs:
            if [self._releases[name] for name in pair["releases"]] in ([old, new], [new, old]):
                return ReleaseChange(rolls=pair["together"], same_schema=True, reason=f"{schema}; {pair['reason']}")
        return ReleaseChange(
            rolls=False,
            same_schema=True,
            reason=f"{schema}, but whether they may run side by side is not classified",
        )


def hands_over(change: ReleaseChange, before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
    """Whether servers of one release hand the schema over to those of the other one.

    Args:
        change: of the release.
        before, after: annotations of the Deployment, or the recorded facts.
    """
    return change.across_schemas and "handover" == before.get(SCHEMA_UPGRADE_ANNOTATION) == after.get(
        SCHEMA_UPGRADE_ANNOTATION
    )


@cache
def release_table() -> ReleaseTable:
    """The table of this revision of the stack."""
    return ReleaseTable(json.loads(RELEASES_FILE.read_text()))


def image_release(image: str) -> str | None:
    """``0.12.4`` of ``mirror:5000/open-webui:v0.12.4-slim``; None if the release of the image is not known. With a
    digest it is not known, because nodes ignore the tag beside a digest.
    """
    named = _TAG.fullmatch(tag(image))
    return named[1] if named and "@" not in image else None


def image_change(before: str, after: str) -> ReleaseChange:
    """What a change from one image to another does to the web pods, in either direction."""
    old, new = image_release(before), image_release(after)
    if old is None or new is None:
        hidden = before if old is None else after
        why = "with a digest" if "@" in hidden else f"with the tag {tag(hidden)}" if tag(hidden) else "without a tag"
        return ReleaseChange(rolls=False, same_schema=False, reason=f"an image {why} does not tell its release")
    return release_table().change(old, new)


def numbers(release: str) -> tuple[int, ...]:
    """``(0, 12, 4)``: releases in their order."""
    return tuple(int(part) for part in release.split("."))
