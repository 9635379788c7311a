"""Version changes that need more than a new image."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from components.blocks.image_versions import postgresql_major, release, tag
from components.open_webui.names import APP as OPEN_WEBUI
from components.open_webui.releases import ReleaseChange, hands_over, image_change, numbers
from components.postgresql.names import APP as POSTGRESQL
from components.redis.names import APP as REDIS
from components.redis.server.places import DATA_DIRECTORY as REDIS_DATA

from .changes import Change, Operation
from .model import at, known
from .volumes import deleted_claims, keeps_data
from .workloads import CONTROLLERS

if TYPE_CHECKING:
    from components.blocks.remembered import Facts

_CONTAINERS = ("spec", "template", "spec", "containers")
_UNREADABLE = ""
_REDIS_PROGRAM = re.compile(r"\b(?P<engine>redis|valkey)-(?:server|cli)\b")
_ENGINE_PRODUCTS = {"redis": "Redis", "valkey": "Valkey"}
_OPEN_WEBUI_VERSION = re.compile(r"v?(\d+\.\d+\.\d+)")


@dataclass(frozen=True, kw_only=True)
class VersionChange:
    """A change of the version of an application."""

    change: Change
    product: str
    before: str
    after: str
    note: str
    """The consequence."""

    blocked_as: Literal["major", "downgrade"] | None
    """Why it must be allowed; None when the comment only mentions it."""


def version_changes(changes: Iterable[Change]) -> list[VersionChange]:
    """Versions of Open WebUI, PostgreSQL and Redis that differ between before and after."""
    listed = tuple(changes)
    deleted = deleted_claims(listed)
    versions = []
    for change in listed:
        if change.kind not in CONTROLLERS or change.operation not in (Operation.UPDATE, Operation.REPLACE):
            continue
        for application in _APPLICATIONS:
            before, after = (_image(change, item, application.container) for item in (change.before, change.after))
            if before is None or after is None:
                continue
            if _UNREADABLE in (before, after):
                version = application.hidden(change, before, after, deleted)
            else:
                version = application.compare(change, before, after, deleted) if before != after else None
            if version:
                versions.append(version)
    return versions


def _image(change: Change, item: Any, container: str) -> str | None:
    """Image of the container of that name; None where there is no such container."""
    if not known(item, *_CONTAINERS):
        # One secret in a list makes the whole list secret. Then the name of the workload decides.
        return _UNREADABLE if change.name == container else None
    for each in at(item, *_CONTAINERS) or []:
        if at(each, "name") == container:
            return at(each, "image") if known(each, "image") else _UNREADABLE
    return None


@dataclass(frozen=True, kw_only=True)
class _Application:
    """How versions of one application are compared."""

    container: str
    """Name of its container. It is the stack's own and never changes; an image can come from a mirror of any name."""

    product: str
    hidden_as: Literal["major", "downgrade"]
    """The worst change of version, which a hidden image may be."""

    compare: Callable[[Change, str, str, frozenset[str]], VersionChange | None]
    """Of the change of the workload, both images, and the names of the PVCs that the update deletes."""

    only_with_data: str = ""
    """Directory of its data, if the version matters only when the change keeps the data; empty: it always matters."""

    def hidden(self, change: Change, before: str, after: str, deleted: frozenset[str]) -> VersionChange | None:
        """The version change that a hidden image may be; None when the version does not matter."""
        if self.only_with_data and _shows_pods(change) and not keeps_data(change, self.only_with_data, deleted):
            return None
        return VersionChange(
            change=change,
            product=self.product,
            before=tag(before) or "(hidden)",
            after=tag(after) or "(hidden)",
            note="the preview hides the image: an older or another major version cannot be ruled out",
            blocked_as=self.hidden_as,
        )


def _shows_pods(change: Change) -> bool:
    return all(known(item, *_CONTAINERS) for item in (change.before, change.after))


def _open_webui(change: Change, before: str, after: str, _deleted: frozenset[str]) -> VersionChange | None:
    old, new = (_OPEN_WEBUI_VERSION.match(tag(image)) for image in (before, after))
    if old and new and old[1] == new[1]:
        return None
    effect = image_change(before, after)
    # Releases of one schema read the database of each other.
    older = bool(old and new and numbers(new[1]) < numbers(old[1])) and not effect.same_schema
    advice = ""
    if older:
        advice = "; an older version refuses a database that a newer one has migrated: restore a dump of that version"
    elif not effect.same_schema:
        advice = "; make a dump before"
    return VersionChange(
        change=change,
        product="Open WebUI",
        before=old[1] if old else tag(before),
        after=new[1] if new else tag(after),
        note=_release_note(change, effect) + advice,
        blocked_as="downgrade" if older else None,
    )


def _release_note(change: Change, effect: ReleaseChange) -> str:
    """What another release does to the web pods, and why."""
    if change.operation is Operation.REPLACE:
        unrecorded = "the state has no record of the present release, or another change replaces the workload"
        return (
            f"every pod stops before the first new one starts, because {unrecorded if effect.rolls else effect.reason}"
        )
    if effect.rolls:
        return f"the pods roll, and requests are served throughout, because {effect.reason}"
    if hands_over(effect, *(at(item, "metadata", "annotations") or {} for item in (change.before, change.after))):
        return (
            f"the pods roll, and the old ones stop serving when a new one is ready to migrate, because {effect.reason}"
        )
    return f"two versions would run side by side, which they must not, because {effect.reason}"


def _postgresql(change: Change, before: str, after: str, _deleted: frozenset[str]) -> VersionChange | None:
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


def _redis(change: Change, before: str, after: str, deleted: frozenset[str]) -> VersionChange | None:
    """A new Redis server on existing data. Where no data is kept, any server may start."""
    if keeps_data(change, REDIS_DATA, deleted):
        kept = "files"
    elif change.kind == "StatefulSet" and change.operation is Operation.UPDATE:
        kept = "replicas"
    else:
        return None
    old_engine, new_engine = _redis_engine(change.before, before), _redis_engine(change.after, after)
    same_engine = old_engine == new_engine
    old, new = release(before), release(after)
    if old and same_engine and tag(before) == tag(after):
        return None
    note, blocked = _redis_note(
        {"engine": old_engine, "image": before, "kept": kept}, {"engine": new_engine, "image": after, "kept": kept}
    )
    older = same_engine and old and new and new < old
    shown = [
        tag(image) or image if same_engine else f"{engine} {tag(image)}".rstrip()
        for engine, image in ((old_engine, before), (new_engine, after))
    ]
    return VersionChange(
        change=change,
        product=_ENGINE_PRODUCTS[old_engine] if same_engine else "Engine",
        before=shown[0],
        after=shown[1],
        note=note,
        blocked_as=("downgrade" if older else "major") if blocked else None,
    )


def _redis_note(before: "Facts", after: "Facts") -> tuple[str, bool]:
    """The consequence of a new server for the data, and whether it must be allowed."""
    # It imports the SDK, which is slow: only a change of the server waits for it.
    from components.redis.server.stored_data import refused_server

    old, new = release(before["image"]), release(after["image"])
    if refused := refused_server(before, after):
        return f"{refused.message}: it does not start", True
    if not (old and new):
        return "the tag does not name the release: it may not read the data of this one", True
    if before["engine"] != after["engine"]:
        return "another engine reads the data of this one, and not the other way round: copy the volume before", True
    if before["kept"] == "files" and old[0] != new[0]:
        return (
            "a new major release reads the files of this one, and not the other way round: copy the volume before",
            True,
        )
    return "it reads the data of this one", False


def _redis_engine(item: Mapping[str, Any], image: str) -> str:
    """``redis`` or ``valkey``: the one whose programs the pod runs."""
    pod = at(item, "spec", "template", "spec")
    containers = [*(at(pod, "initContainers") or []), *(at(pod, "containers") or [])]
    words = [word for container in containers for word in at(container, "command") or []]
    words += [at(variable, "value") for container in containers for variable in at(container, "env") or []]
    programs = [program for word in words if (program := _REDIS_PROGRAM.search(str(word)))]
    return programs[0]["engine"] if programs else "valkey" if "valkey" in image else "redis"


_APPLICATIONS = (
    _Application(container=OPEN_WEBUI, product="Open WebUI", hidden_as="downgrade", compare=_open_webui),
    _Application(container=POSTGRESQL, product="PostgreSQL", hidden_as="major", compare=_postgresql),
    _Application(container=REDIS, product="Redis", hidden_as="major", compare=_redis, only_with_data=REDIS_DATA),
)
