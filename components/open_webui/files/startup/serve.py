"""Serves Open WebUI with uvicorn, and finishes the answers in progress before the server stops.

An answer for a browser is not an HTTP response. Open WebUI writes it in a background task, which ends with the
process: uvicorn's own graceful shutdown waits only for responses. Here SIGTERM starts a drain instead. The server
continues to serve until nothing is in progress, or until the time limit; then it stops as uvicorn does.

In progress are: the tasks in Open WebUI's registry (``open_webui.tasks.tasks``: answers, channel replies, subagents,
note saves), tasks that it keeps in no registry (`UNREGISTERED`), and HTTP requests (API streams, uploads). Websockets
do not count: they do not end by themselves, and browsers reconnect.

With SCHEMA_UPGRADE=handover it serves only while it holds the lock of `serving_lock`. When a newer release is about to
migrate the schema, it drains as after SIGTERM, and then waits instead of ending.

Usage: ``python -m startup.serve DRAIN_SECONDS APP [OPTION...]``. APP and the options are uvicorn's, as are its
variables (``UVICORN_*``), its log and its exit status. A second SIGTERM, or SIGINT, stops the server at once.
"""

import asyncio
import gc
import importlib
import logging
import os
import signal
import sys
import time
from collections.abc import Awaitable, Callable, MutableMapping
from contextlib import ExitStack
from types import FrameType
from typing import Any

import uvicorn

from .compile_ahead import compiling_beside
from .database import SERVER_SIDE_LIMITS, connect
from .database_restart import wait_for_restarts
from .event_listener import reconnect_soon
from .faster_import import prepare_import
from .release import read_release
from .schema_locks import takes_part
from .serving_lock import ServingLock, restart
from .vector_tables import applies, keep_index_method

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Message, Receive, Send], Awaitable[None]]

DATABASE_WAIT_SECONDS = 120.0
"""How long the database may be unreachable, or refuse a rotated password. Open WebUI itself does not start without
it."""

QUIET_SECONDS = 1.0
"""How long nothing must be in progress, because a task can start right after another one has ended."""

UNREGISTERED = frozenset(
    {
        "_review_memory",
        "dispatch_event_functions",
        "dispatch_notification_event",
        "dispatch_webhook_event",
        "execute_automation",
        "execute_due_timer",
        "run_initial_title_generation",
    }
)
"""Coroutines of Open WebUI that do a user's work in a task outside its registry."""

NOT_WORK = ("/health", "/ready", "/ws/socket.io")
"""Paths of requests that are not work of users: probes, and long polling instead of a websocket."""

READINESS = "/health/db"
"""Path of the readiness probe."""

log = logging.getLogger("uvicorn.error")


class Work:
    """The work in progress in this process."""

    def __init__(self) -> None:
        """Nothing."""
        self.requests = 0
        """HTTP requests without a complete response."""

        self.leaving = False
        """Whether the readiness probe fails, so that requests reach another replica."""

        self.closing = False
        """Whether each response closes its connection, so that the client's next request reaches another replica."""

    def counting(self, app: Application) -> Application:
        """The application, with its requests counted."""

        async def counted(scope: Message, receive: Receive, send: Send) -> None:
            if self.leaving and scope["type"] == "http" and scope["path"] == READINESS:
                await send({"type": "http.response.start", "status": 503, "headers": []})
                await send({"type": "http.response.body", "body": b""})
                return
            if scope["type"] != "http" or scope["path"].startswith(NOT_WORK):
                await app(scope, receive, send)
                return

            async def closing(message: Message) -> None:
                if self.closing and message["type"] == "http.response.start":
                    message = {**message, "headers": [*message.get("headers", ()), (b"connection", b"close")]}
                await send(message)

            self.requests += 1
            try:
                await app(scope, receive, closing)
            finally:
                self.requests -= 1

        return counted

    def registered(self) -> int:
        """Tasks in Open WebUI's registry that have not ended."""
        # While Redis is not available, Open WebUI does not remove completed tasks.
        return sum(not task.done() for task in (registry() or {}).values())

    def unregistered(self) -> int:
        """Tasks of `UNREGISTERED` that have not ended."""
        return sum(_name(task) in UNREGISTERED for task in asyncio.all_tasks())


def freeze_application() -> None:
    """Take the objects of the application that has started out of Python's garbage collection.

    They live as long as the process, and each request creates enough objects for many collections, which look at them
    again and find nothing. `prepare_import` has made collections rarer. Reference counts free what a request leaves.
    """
    gc.collect()
    gc.freeze()


def registry() -> "dict[str, asyncio.Task[Any]] | None":
    """Open WebUI's tasks by their IDs; None if this release has no such registry."""
    tasks = getattr(sys.modules.get("open_webui.tasks"), "tasks", None)
    return tasks if isinstance(tasks, dict) else None


def _name(task: "asyncio.Task[Any]") -> str:
    return getattr(task.get_coro(), "__name__", "")


class DrainingServer(uvicorn.Server):
    """uvicorn's server, with a drain between SIGTERM and its shutdown."""

    drain_seconds = 0.0
    """Longest drain in seconds; 0: no drain."""

    lock: ServingLock | None = None
    """The lock of this server; None if it takes no part in handovers."""

    compiling = ExitStack()
    """The process that compiles modules until Open WebUI is imported."""

    ends = False
    """Whether a signal ends the process."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._work = Work()
        self._busy = 0.0
        self._began: float | None = None
        self._announced = False

    async def serve(self, *arguments: Any, **options: Any) -> None:
        # uvicorn puts this handler back at its end and raises the signal again.
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        await super().serve(*arguments, **options)

    async def startup(self, *arguments: Any, **options: Any) -> None:
        self.compiling.close()
        reconnect_soon()
        self.config.loaded_app = self._work.counting(self.config.loaded_app)
        await super().startup(*arguments, **options)
        freeze_application()
        if self.lock:
            self.lock.drain_with(self._hand_over)
        if registry() is None:
            log.warning(
                "This release of Open WebUI has no open_webui.tasks.tasks: a stop waits for requests in progress, and "
                "not for the answers of browsers"
            )

    def _hand_over(self) -> None:
        # From the thread of the lock: only assignments.
        self._work.leaving = True
        if self._began is None:
            self._began = time.monotonic()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        first = not self.ends
        DrainingServer.ends = True
        if sig != signal.SIGTERM or not self.started or not first:
            super().handle_exit(sig, frame)
        elif self._began is None:
            self._began = time.monotonic()

    async def on_tick(self, counter: int) -> bool:
        now = time.monotonic()
        tasks, requests = self._work.registered(), self._work.requests
        if self._began is not None:
            # Not before: it looks at each task of each websocket.
            tasks += self._work.unregistered()
        if tasks or requests:
            self._busy = now
        if self._began is not None and not self.should_exit:
            self._drain(now - self._began, tasks, requests, quiet=now - self._busy >= QUIET_SECONDS)
        return await super().on_tick(counter)

    def _drain(self, seconds: float, tasks: int, requests: int, *, quiet: bool) -> None:
        if not self._announced:
            self._announced = self._work.closing = True
            bound = f"{self.drain_seconds:g} s"
            log.info("Draining for at most %s; in progress: tasks %d, requests %d", bound, tasks, requests)
        if not quiet and seconds < self.drain_seconds:
            return
        if tasks or requests:
            log.warning("The drain ends with work in progress: tasks %d, requests %d", tasks, requests)
        log.info("Drained for %.1f s", seconds)
        if self.ends:
            super().handle_exit(signal.SIGTERM, None)
        self.should_exit = True


def main(drain_seconds: float) -> None:
    """Run uvicorn's own command with this server.

    Args:
        drain_seconds: longest drain.
    """
    # The first process of a container ignores a signal without a handler. Until Open WebUI is imported there is nothing
    # to finish.
    signal.signal(signal.SIGTERM, lambda *_: os._exit(128 + signal.SIGTERM))
    if takes_part():
        DrainingServer.lock = ServingLock(read_release(), DATABASE_WAIT_SECONDS)
        DrainingServer.lock.take()
        # Sessions that a lost node has left would prevent the next handover.
        os.environ.setdefault("PGOPTIONS", SERVER_SIDE_LIMITS)
    if applies(os.environ):
        with connect(DATABASE_WAIT_SECONDS) as connection:
            keep_index_method(connection, os.environ)
    prepare_import()
    wait_for_restarts()
    DrainingServer.drain_seconds = drain_seconds
    # `uvicorn.main` is the function of that name.
    command = importlib.import_module("uvicorn.main")
    if getattr(command, "Server", None) is uvicorn.Server:
        command.Server = DrainingServer
    else:
        print("This release of uvicorn makes its server elsewhere: a stop cuts the answers in progress.", flush=True)
    try:
        with DrainingServer.compiling as compiling:
            compiling.enter_context(compiling_beside())
            uvicorn.main()
    finally:
        if DrainingServer.lock and DrainingServer.lock.is_announced and not DrainingServer.ends:
            restart()


if __name__ == "__main__":
    main(float(sys.argv.pop(1)))
