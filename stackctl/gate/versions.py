"""Changes of version that need more than a new image."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

from components.blocks.image_versions import postgresql_major, tag
from components.open_webui.names import APP as OPEN_WEBUI
from components.postgresql.names import APP as POSTGRESQL

from .changes import Change, Operation
from .model import at, known

# A container is found by its name, which never changes; its image can come from a mirror of any name.
_CONTAINERS = ("spec", "template", "spec", "containers")
_UNREADABLE = ""
_OPEN_WEBUI_VERSION = re.compile(r"v?(\d+\.\d+\.\d+)")


@dataclass(frozen=True, kw_only=True)
class VersionChange:
    """Another version of an application."""

    change: Change
    product: str
    before: str
    after: str
    note: str
    """What it means."""

    blocked_as: Literal["major", "downgrade"] | None
    """Why it must be allowed; None when naming it is enough."""


def version_changes(changes: Iterable[Change]) -> list[VersionChange]:
    """Versions of Open WebUI and PostgreSQL that differ between before and after."""
    found = []
    for change in changes:
        if change.kind in ("Deployment", "StatefulSet") and change.operation in (Operation.UPDATE, Operation.REPLACE):
            for name, compare in ((OPEN_WEBUI, _open_webui), (POSTGRESQL, _postgresql)):
                before, after = _image(change, change.before, name), _image(change, change.after, name)
                if before is None or after is None:
                    continue
                if _UNREADABLE in (before, after):
                    found.append(_untold(change, name, before, after))
                elif before != after and (version := compare(change, before, after)):
                    found.append(version)
    return found


def _image(change: Change, item: Any, container: str) -> str | None:
    """Image of the container of that name; None where there is no such container."""
    if not known(item, *_CONTAINERS):
        # One secret in a list makes the whole list secret. Then the workload's name has to do.
        return _UNREADABLE if change.name == container else None
    for each in at(item, *_CONTAINERS) or []:
        if at(each, "name") == container:
            return at(each, "image") if known(each, "image") else _UNREADABLE
    return None


def _untold(change: Change, container: str, before: str, after: str) -> VersionChange:
    return VersionChange(
        change=change,
        product="Open WebUI" if container == OPEN_WEBUI else "PostgreSQL",
        before=tag(before) or "(not told)",
        after=tag(after) or "(not told)",
        note="the preview hides the image: an older or another major version cannot be ruled out",
        blocked_as="downgrade" if container == OPEN_WEBUI else "major",
    )


def _open_webui(change: Change, before: str, after: str) -> VersionChange | None:
    old, new = (_OPEN_WEBUI_VERSION.match(tag(image)) for image in (before, after))
    if old and new and old[1] == new[1]:
        return None
    older = bool(old and new and _numbers(new[1]) < _numbers(old[1]))
    note = "two versions never run side by side: every pod stops before the first new one starts; make a dump before"
    if older:
        note = (
            "an older version refuses a database that a newer one has migrated: restore a dump made before the upgrade"
        )
    return VersionChange(
        change=change,
        product="Open WebUI",
        before=old[1] if old else tag(before),
        after=new[1] if new else tag(after),
        note=note,
        blocked_as="downgrade" if older else None,
    )


def _postgresql(change: Change, before: str, after: str) -> VersionChange | None:
    old, new = postgresql_major(before), postgresql_major(after)
    if tag(before) == tag(after) and old and new:
        return None
    if old and old == new:
        note, blocked = "the database restarts", False
    elif old and new:
        note = "another major version refuses the files of this one: dump, new volume, restore"
        blocked = True
    else:
        note, blocked = "the major version cannot be told from the tag; another one refuses the files of this one", True
    return VersionChange(
        change=change,
        product="PostgreSQL",
        before=tag(before) or before,
        after=tag(after) or after,
        note=note,
        blocked_as="major" if blocked else None,
    )


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))
