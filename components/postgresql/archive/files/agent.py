"""Does what request.sh asks for, makes base backups, and deletes what no recovery can need any more."""

import shutil
import signal
import struct
import time
from pathlib import Path

from . import programs
from .backups import BaseBackups
from .config import Config
from .exchange import DONE, FAILED, Exchange, Request, is_wal_name
from .programs import NOT_FOUND, Program

_POLL_SECONDS = 0.05
_AHEAD = 3
"""Segments that are uploaded beside the one that the server waits for."""
_DOWNLOADS = "8"
"""Segments that one program downloads, the next ones into a spool."""
_LEAVE_SECONDS = 20
"""After the signal to stop, which comes when the server has stopped: for what has begun."""


def say(text: str) -> None:
    """Write to the container's log."""
    print(f"archive: {text}", flush=True)


def system_identifier(data: Path) -> str | None:
    """Identifier of a database cluster, the first value of its control file; None without a cluster."""
    try:
        content = (data / "global" / "pg_control").read_bytes()[:8]
    except OSError:
        return None
    return str(struct.unpack("=Q", content)[0]) if len(content) == 8 else None


class Agent:
    """The container."""

    def __init__(self, config: Config) -> None:
        """Serve the requests of one server."""
        self._config = config
        self._exchange = Exchange(config.exchange)
        self._spool = config.exchange / "spool"
        self._running: dict[Request, Program] = {}
        self._uploads: dict[str, Program] = {}
        self._backups = BaseBackups(config, say)
        self._stop_at: float | None = None

    def run(self) -> None:
        """Serve until the signal to stop."""
        signal.signal(signal.SIGTERM, lambda *_: self._leave())
        next_sign = 0.0
        while not self._is_over():
            if time.monotonic() >= next_sign:
                self._exchange.show_life()
                next_sign = time.monotonic() + 1
            self._take()
            self._finish()
            if (archive := self._archive()) and not self._stop_at:
                self._backups.step(archive)
            time.sleep(_POLL_SECONDS)
        self._backups.stop()

    def _leave(self) -> None:
        self._stop_at = time.monotonic() + _LEAVE_SECONDS

    def _is_over(self) -> bool:
        if self._stop_at is None:
            return False
        return not self._running or time.monotonic() > self._stop_at

    def _archive(self) -> str | None:
        return self._config.archive or system_identifier(self._config.data)

    def _take(self) -> None:
        for request in self._exchange.requests():
            if request in self._running:
                continue
            archive = self._archive()
            if self._deliver(request):
                self._exchange.answer(request, DONE)
            elif not request.is_valid or archive is None:
                say(f"refused: {request.kind} {' '.join(request.arguments)}")
                self._exchange.answer(request, FAILED)
            else:
                self._running[request] = self._start(request, archive)

    def _deliver(self, request: Request) -> bool:
        """Move a file that the last download brought along to where the server waits for it."""
        if request.kind != "get" or not request.is_valid:
            return False
        name, path = request.arguments
        try:
            shutil.move(self._spool / name, path)
        except FileNotFoundError:
            return False
        return True

    def _start(self, request: Request, archive: str) -> Program:
        if request.kind == "push":
            path = Path(request.arguments[1])
            upload = self._upload(path, archive)
            self._upload_ahead(path, archive)
            return upload
        options = self._config.cloud_options()
        if request.kind == "get":
            arguments = ["--no-partial", f"--parallel={_DOWNLOADS}", f"--spool-dir={self._spool}"]
            arguments += [*options, self._config.url, archive, *request.arguments]
            return Program(self._config, "wal-restore", arguments)
        return Program(self._config, "restore", [*options, self._config.url, archive, *request.arguments])

    def _upload(self, path: Path, archive: str) -> Program:
        if path.name not in self._uploads:
            arguments = [*self._config.upload_options(), self._config.url, archive, str(path)]
            self._uploads[path.name] = Program(self._config, "wal-archive", arguments)
        return self._uploads[path.name]

    def _upload_ahead(self, path: Path, archive: str) -> None:
        """Begin with the segments that the server will ask for next: it asks for one after the other."""
        ready = sorted(file.stem for file in (path.parent / "archive_status").glob("*.ready"))
        following = [name for name in ready if name > path.name and is_wal_name(name)]
        for name in following[:_AHEAD]:
            self._upload(path.parent / name, archive)

    def _finish(self) -> None:
        for request, program in list(self._running.items()):
            if program.status is None:
                continue
            del self._running[request]
            if request.kind == "push":
                self._uploads.pop(request.arguments[0], None)
            status = self._status(request, program)
            self._exchange.answer(request, status)

    def _status(self, request: Request, program: Program) -> int:
        reason = program.reason()
        if program.status == 0:
            if request.kind == "push":
                self._backups.uploaded(request.arguments[0])
            return DONE
        if request.kind == "get" and program.status == NOT_FOUND:
            return NOT_FOUND
        # Of a download that was cut short nothing is delivered.
        shutil.rmtree(self._spool, ignore_errors=True)
        say(f"{request.kind} {request.arguments[0]} failed with {program.status}: {reason}")
        return DONE if request.kind == "push" and self._gives_up(Path(request.arguments[1])) else FAILED

    def _gives_up(self, path: Path) -> bool:
        """Whether so much of the log waits that it is better to lose the archive of it than the server."""
        try:
            size = path.stat().st_size
        except FileNotFoundError:
            # The request is one of a server whose data directory was exchanged meanwhile.
            return False
        waiting = len(list((path.parent / "archive_status").glob("*.ready"))) * size
        if not 0 < self._config.pending_limit < waiting:
            return False
        say(
            f"GIVING UP {path.name}: {waiting >> 20} MiB of the log wait. "
            "The archive has a gap until the next base backup"
        )
        self._backups.note_gap()
        return True


def main() -> None:
    """Run the container."""
    config = Config.read()
    # Of a container before this one.
    for file in config.exchange.glob("*.answer*"):
        file.unlink(missing_ok=True)
    programs.preload()
    say(f"serving {config.url}")
    Agent(config).run()


if __name__ == "__main__":
    main()
