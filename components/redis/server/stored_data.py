"""Refuses, in the preview, an engine or image that cannot read the data of the servers of the last update."""

import typing
from dataclasses import dataclass

from ...blocks.finding import Finding, fix_command
from ...blocks.image_versions import release
from ...blocks.remembered import Facts
from ...blocks.topology_sections import KEY
from ..settings import RedisSettings
from .engines import FORMATS, LAST_COMMON_FORMAT, Engine

REMEMBERED = "redis-data"
"""Logical name of the record."""


@dataclass(frozen=True, kw_only=True)
class _Server:
    """The server of an image."""

    engine: Engine
    release: tuple[int, int] | None

    @property
    def name(self) -> str:
        product = self.engine.capitalize()
        return f"{product} {self.release[0]}.{self.release[1]}" if self.release else product

    @property
    def format(self) -> int | None:
        """The format of its files; None if the image does not name its release, or if the release is older than the
        table."""
        known = [number for first, number in FORMATS[self.engine].items() if self.release and self.release >= first]
        return known[-1] if known else None

    @property
    def sent_format(self) -> int | None:
        """The format that it sends to a replica. Valkey sends the last common format to a replica that does not ask
        for Valkey's own."""
        return self.format if self.engine == "redis" or self.format is None else LAST_COMMON_FORMAT

    def reads(self, number: int) -> bool:
        """Whether it reads a file of that format. Its own has to be known."""
        assert self.format is not None
        if self.engine == "valkey" and number > LAST_COMMON_FORMAT:
            return self.format > LAST_COMMON_FORMAT and 80 <= number <= self.format
        return number <= self.format


def stored_data(settings: RedisSettings) -> Facts | None:
    """Facts about the data that other servers must read after a change; None if there is no such data.

    Files on a volume are read by the next server. During a rolling update, replicas read the data that servers of the
    previous revision send.
    """
    if settings.durability != "volume" and not settings.layout.replicated:
        return None
    kept = "files" if settings.durability == "volume" else "replicas"
    return {"engine": settings.engine, "image": settings.container_image, "kept": kept}


def refused_server(before: Facts, after: Facts) -> Finding | None:
    """The reason why the new server cannot read the data of the old one; None if it can, or if this is not known.

    An image whose tag does not name its release is refused only for another engine: Redis has had a format of its own
    since 7.4.
    """
    old, new = _server(before), _server(after)
    if (old.engine, old.release) == (new.engine, new.release) or _reads(old, new, before["kept"]):
        return None
    key = "redis.engine" if old.engine != new.engine else "redis.image"
    back = [fix_command("redis.engine", old.engine)] if key == "redis.engine" else []
    return Finding(
        key=key,
        value=new.engine if key == "redis.engine" else after["image"],
        message=f"{_WRITTEN[before['kept']].format(name=old.name)} {new.name} does not read",
        allowed=f"{old.name} or a newer release of {old.engine.capitalize()}. For another server "
        + _EMPTY[before["kept"]],
        commands=(*back, fix_command("redis.image", before["image"])),
    )


_WRITTEN = {
    "files": "the volume holds files of {name}, which",
    "replicas": "while the update goes from pod to pod, replicas copy from {name}, whose data",
}
_EMPTY = {
    "files": "let Redis begin without data: docs/redis.md, Another engine or release",
    "replicas": f"let Redis begin without data: redis.{KEY} standalone first, and back after the change",
}


def _server(facts: Facts) -> _Server:
    return _Server(engine=typing.cast(Engine, facts["engine"]), release=release(facts["image"]))


def _reads(old: _Server, new: _Server, kept: str) -> bool:
    written = old.format if kept == "files" else old.sent_format
    if written is None or new.format is None:
        return old.engine == new.engine
    if old.engine == new.engine and old.release and new.release and new.release[0] < old.release[0]:
        return kept != "files" and new.reads(written)
    return new.reads(written)
