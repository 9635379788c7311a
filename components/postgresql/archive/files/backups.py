"""Base backups: when one is due, and what they make superfluous."""

import json
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from .config import Config
from .programs import FOUND, GAP, Program
from .record import BEGUN, FAILING_SINCE, Recorder

_CHECK_SECONDS = 60
"""Between two looks at the bucket, and after a failure."""
_TIMELINE = 8
"""Digits of the timeline at the beginning of a segment's name."""


class BaseBackups:
    """One program at a time: look, back up, delete."""

    def __init__(self, config: Config, say: Callable[[str], None]) -> None:
        """Make them as the config says; never when `Config.base_backup_hours` is 0."""
        self._config = config
        self._say = say
        self._program: Program | None = None
        self._step = "look"
        self._next = 0.0
        self._timeline = ""
        self._has_gap = False
        self._has_checked = False
        self._recorder = Recorder(config, say)
        self._failing: dict[str, int] = {}

    def uploaded(self, name: str) -> None:
        """Take notice of a file that is in the bucket."""
        # The end of a timeline that was left can be uploaded after the beginning of the next one.
        self._timeline = max(self._timeline, name[:_TIMELINE])

    def note_gap(self) -> None:
        """Make one as soon as the bucket answers: the archive has a gap."""
        self._has_gap = True

    def step(self, archive: str) -> None:
        """Go on: start the next program when the last one has ended."""
        if not self._config.base_backup_hours:
            return
        self._recorder.step()
        if time.monotonic() < self._next:
            return
        if self._program is None:
            self._program = self._start(archive)
        elif self._program.status is not None:
            program, self._program = self._program, None
            self._next = time.monotonic() + _CHECK_SECONDS
            output = program.reason() if self._step != "look" else program.output()
            has_gap = self._step == "check" and program.status == FOUND
            self._note(failed=bool(program.status) and not has_gap)
            if has_gap:
                self._say(f"the archive has a gap: {output.strip()}")
                self.note_gap()
                self._step = self._following("")
            elif program.status:
                self._say(f"{self._step} of base backups failed with {program.status}: {output.strip()}")
                self._step = "look"
            else:
                self._step = self._following(output)

    def stop(self) -> None:
        """End the program that runs."""
        if self._program:
            self._program.stop()
        self._recorder.stop()

    def _note(self, *, failed: bool) -> None:
        """Keep since when each step fails: a step that succeeds says nothing about the others."""
        if failed:
            self._failing.setdefault(self._step, int(time.time()))
        else:
            self._failing.pop(self._step, None)
        self._recorder.know(FAILING_SINCE, min(self._failing.values(), default=0))

    def _start(self, archive: str) -> Program:
        config = self._config
        if self._step == "back up":
            self._say("making a base backup")
            options = ["--immediate-checkpoint", f"--host={config.socket}", "--user=postgres", "--dbname=postgres"]
            return Program(config, "backup", [*options, *config.upload_options(), config.url, archive])
        if self._step == "check":
            return Program(config, GAP, [archive])
        if self._step == "delete":
            policy = f"--retention-policy=RECOVERY WINDOW OF {config.retention_days} DAYS"
            return Program(config, "backup-delete", [policy, *config.cloud_options(), config.url, archive])
        return Program(config, "backup-list", ["--format=json", *config.cloud_options(), config.url, archive])

    def _following(self, output: str) -> str:
        """The step after one that was done."""
        if self._step == "look":
            backups = read_list(output)
            self._recorder.know(BEGUN, int(begun(backups[-1]).timestamp()) if backups else 0)
            if not self._is_due(backups):
                # What the container before this one gave up, it has not said.
                return "look" if self._has_checked else self._at_once("check")
            return self._at_once("back up")
        if self._step == "check":
            self._has_checked = True
            return self._at_once("back up") if self._has_gap else "look"
        if self._step == "back up":
            self._say("the base backup is in the bucket")
            self._has_gap = False
            return self._at_once("delete")
        return "look"

    def _at_once(self, step: str) -> str:
        self._next = 0.0
        return step

    def _is_due(self, backups: list[dict[str, Any]]) -> bool:
        if not backups or self._has_gap:
            return True
        newest = backups[-1]
        if self._timeline > f"{int(newest['timeline']):08X}":
            return True
        return (datetime.now(UTC) - begun(newest)).total_seconds() >= self._config.base_backup_hours * 3600


def read_list(output: str) -> list[dict[str, Any]]:
    """The base backups in the output of backup-list, the finished ones, the oldest first."""
    # Warnings may come before it.
    document = next(line for line in reversed(output.splitlines()) if line.startswith("{"))
    backups: list[dict[str, Any]] = json.loads(document)["backups_list"]
    done = [backup for backup in backups if backup["status"] == "DONE"]
    return sorted(done, key=lambda backup: str(backup["backup_id"]))


def begun(backup: dict[str, Any]) -> datetime:
    """When a base backup began."""
    return moment(backup, "begin_time")


def moment(backup: dict[str, Any], key: str) -> datetime:
    """A time of a base backup; Barman writes it as that of its machine, which is in UTC here."""
    iso = backup.get(f"{key}_iso")
    read = datetime.fromisoformat(str(iso)) if iso else datetime.strptime(str(backup[key]), "%a %b %d %H:%M:%S %Y")
    return read if read.tzinfo else read.replace(tzinfo=UTC)
