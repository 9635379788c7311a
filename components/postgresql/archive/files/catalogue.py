"""What the bucket has: base backups, the log after them, its gaps, and so the times that a recovery can reach.

Run by stackctl in the archive container: ``python3 -m archive.catalogue [TIME [IDENTIFIER]]`` prints one JSON object.
"""

import gzip
import importlib
import json
import os
import sys
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from .agent import system_identifier
from .backups import moment, read_list
from .config import Config
from .programs import Program
from .wal import HISTORY, SEGMENT, Segment, read_history, read_lsn, segment_of, segments

LATEST = "latest"


class RefusedError(Exception):
    """A time cannot be reached; the message says why, and what can."""


@dataclass(frozen=True, kw_only=True)
class BaseBackup:
    """One base backup."""

    identifier: str
    ended: datetime
    """From here on the database is consistent."""

    timeline: int
    first_segment: str
    end: int
    """Position in the log."""

    segment_size: int
    size: int
    """Bytes of the data directory."""

    major: int
    """Major version of the server."""


@dataclass(frozen=True, kw_only=True)
class Archive:
    """Everything of one database cluster."""

    identifier: str
    backups: list[BaseBackup]
    """The oldest first."""

    uploaded: dict[str, datetime]
    """Segments, each with the time at which the bucket had it."""

    histories: dict[int, tuple[datetime, dict[int, int]]]
    """Timelines that were begun by a recovery: when, and their ancestors."""

    @property
    def first(self) -> datetime | None:
        """The first time that can be reached."""
        return min((backup.ended for backup in self.backups), default=None)

    @property
    def last(self) -> datetime | None:
        """The last time that can be reached: everything before it is in the bucket."""
        return max(self.uploaded.values(), default=None)

    def timeline_at(self, target: datetime) -> int:
        """The timeline that the server wrote at that time."""
        begun = [number for number, (since, _) in self.histories.items() if since <= target]
        return max(begun, default=min((backup.timeline for backup in self.backups), default=1))

    def plan(self, target: datetime) -> dict[str, Any]:
        """How to reach a time: the base backup and the timeline.

        Raises:
            RefusedError: it cannot be reached.
        """
        first, last = self.first, self.last
        if first is None or last is None:
            raise RefusedError(f"the archive {self.identifier} has no base backup yet")
        possible = f"possible: {show(first)} to {show(last)}"
        if not first <= target <= last:
            side = "before the first base backup" if target < first else "after the end of the archive"
            raise RefusedError(f"{show(target)} is {side}; {possible}")
        timeline = self.timeline_at(target)
        ancestors = self.histories[timeline][1] if timeline in self.histories else {}
        reached = []
        for backup in reversed(self.backups):
            left = ancestors.get(backup.timeline)
            is_ancestor = backup.timeline == timeline or (left is not None and backup.end <= left)
            if backup.ended > target or not is_ancestor:
                continue
            end, count, missing = self._log(backup, ancestors, timeline, target)
            if missing is None:
                return self._described(backup, timeline, count)
            reached.append((end, missing))
        if not reached:
            raise RefusedError(f"no base backup of timeline {timeline} is older than {show(target)}; {possible}")
        end, missing = max(reached)
        raise RefusedError(
            f"the archive has a gap: the segment {missing} is missing, so {show(target)} cannot be reached; "
            f"the last time before it is {show(end)}"
        )

    def gap(self, waiting: Collection[str]) -> str | None:
        """The first segment that is missing between the newest base backup and the newest segment of its timeline.

        Args:
            waiting: names of segments that the server still has for the archive.
        """
        if not self.backups:
            return None
        backup = self.backups[-1]
        size = backup.segment_size
        first = segment_of(backup.first_segment, size)
        numbers = {
            segment.number
            for segment in (segment_of(name, size) for name in self.uploaded)
            if segment.timeline == backup.timeline and segment.number >= first.number
        }
        expected = range(first.number, max(numbers, default=first.number))
        missing = (Segment(number, backup.timeline).name(size) for number in expected if number not in numbers)
        return next((name for name in missing if name not in waiting), None)

    def _log(
        self, backup: BaseBackup, ancestors: dict[int, int], timeline: int, target: datetime
    ) -> tuple[datetime, int, str | None]:
        """Follow the log to a time: how far it goes, how many segments, and the one that is missing."""
        end = backup.ended
        size = backup.segment_size
        newest = max(name for name in self.uploaded)
        first = segment_of(backup.first_segment, size)
        for count, segment in enumerate(segments(first, ancestors, timeline, size)):
            name = segment.name(size)
            if name not in self.uploaded:
                return end, count, None if name > newest else name
            end = max(end, self.uploaded[name])
            if segment.timeline == timeline and self.uploaded[name] >= target:
                return end, count + 1, None
        raise AssertionError

    def _described(self, backup: BaseBackup, timeline: int, count: int) -> dict[str, Any]:
        return {
            "backup": backup.identifier,
            "ended": backup.ended.isoformat(),
            # PostgreSQL needs no history of the timeline of the base backup itself, which may not exist.
            "timeline": "current" if timeline == backup.timeline else str(timeline),
            "segments": count,
            "bytes": backup.size,
        }


def require_major(major: int, data: Path, archive: str) -> None:
    """Refuse an archive that the server of this image cannot replay: it starts on files of its own version only.

    Args:
        major: major version of the archive's server.
        data: data directory of the server that runs.
        archive: identifier of the archive.

    Raises:
        RefusedError: the versions differ.
    """
    try:
        own = int((data / "PG_VERSION").read_text())
    except FileNotFoundError:
        return
    if own != major:
        raise RefusedError(
            f"the archive {archive} was written by PostgreSQL {major}, and this server is PostgreSQL {own}; possible: "
            f"a stack with an image of PostgreSQL {major} and the same bucket, in a namespace of its own"
        )


def show(time: datetime) -> str:
    """A time as the operator writes it."""
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


class Bucket:
    """Reads the bucket."""

    def __init__(self, config: Config) -> None:
        """Connect with the present credentials."""
        self._config = config
        os.environ.update(config.client_environment())
        self._bucket, _, prefix = config.url.removeprefix("s3://").partition("/")
        self._prefix = f"{prefix.strip('/')}/" if prefix.strip("/") else ""
        style = importlib.import_module("botocore.config").Config(s3={"addressing_style": config.addressing_style})
        client = importlib.import_module("boto3").client
        self._client: Any = client("s3", endpoint_url=config.endpoint_url or None, config=style)

    def identifiers(self) -> list[str]:
        """The database clusters that have an archive."""
        pages = self._client.get_paginator("list_objects_v2").paginate(
            Bucket=self._bucket, Prefix=self._prefix, Delimiter="/"
        )
        prefixes = (each["Prefix"] for page in pages for each in page.get("CommonPrefixes", ()))
        return [name for each in prefixes if (name := each.removeprefix(self._prefix).rstrip("/")).isdigit()]

    def archive(self, identifier: str) -> Archive:
        """The archive of a database cluster."""
        uploaded: dict[str, datetime] = {}
        histories = {}
        pages = self._client.get_paginator("list_objects_v2").paginate(
            Bucket=self._bucket, Prefix=f"{self._prefix}{identifier}/wals/"
        )
        for page in pages:
            for each in page.get("Contents", ()):
                name = each["Key"].rpartition("/")[2].removesuffix(".gz")
                if SEGMENT.fullmatch(name):
                    uploaded[name] = each["LastModified"]
                elif history := HISTORY.fullmatch(name):
                    text = self._text(each["Key"])
                    histories[int(history[1], 16)] = (each["LastModified"], read_history(text))
        backups = self._backups(identifier)
        return Archive(identifier=identifier, backups=backups, uploaded=uploaded, histories=histories)

    def _text(self, key: str) -> str:
        body: bytes = self._client.get_object(Bucket=self._bucket, Key=key)["Body"].read()
        return (gzip.decompress(body) if key.endswith(".gz") else body).decode()

    def _backups(self, identifier: str) -> list[BaseBackup]:
        options = ["--format=json", *self._config.cloud_options(), self._config.url, identifier]
        program = Program(self._config, "backup-list", options)
        if program.wait():
            raise RefusedError(f"the base backups cannot be listed: {program.reason()}")
        return [
            BaseBackup(
                identifier=str(each["backup_id"]),
                ended=moment(each, "end_time"),
                timeline=int(each["timeline"]),
                first_segment=str(each["begin_wal"]),
                end=read_lsn(each["end_xlog"]),
                segment_size=int(each["xlog_segment_size"]),
                size=int(each.get("size") or 0),
                major=int(each["version"]) // 10000,
            )
            for each in read_list(program.output())
        ]


def answer(config: Config, target: str, identifier: str) -> dict[str, Any]:
    """What the bucket has, and with a target how to reach it."""
    bucket = Bucket(config)
    identifiers = bucket.identifiers()
    own = config.archive or system_identifier(config.data) or ""
    described = []
    plan: dict[str, Any] = {}
    chosen = identifier or own
    for each in identifiers:
        archive = bucket.archive(each)
        first, last = archive.first, archive.last
        described.append(
            {
                "archive": each,
                "own": each == own,
                "first": show(first) if first else None,
                "last": show(last) if last else None,
                "backups": [{"id": backup.identifier, "ended": show(backup.ended)} for backup in archive.backups],
                "timelines": {str(number): show(since) for number, (since, _) in sorted(archive.histories.items())},
            }
        )
        if target and each == chosen:
            try:
                if archive.backups:
                    require_major(archive.backups[-1].major, config.data, each)
                end = (last or datetime.now(UTC)) if target == LATEST else datetime.fromisoformat(target)
                reached = LATEST if target == LATEST else end.isoformat()
                plan = {**archive.plan(end), "archive": each, "target": reached}
            except RefusedError as refusal:
                plan = {"refused": str(refusal)}
    if target and not plan:
        plan = {"refused": f"the bucket has no archive {chosen}"}
    return {"own": own, "archives": described, "plan": plan}


def main() -> None:
    """Print the answer to the arguments."""
    target, identifier, *_ = (*sys.argv[1:], "", "")
    print(json.dumps(answer(Config.read(), target, identifier)))


if __name__ == "__main__":
    main()
