"""The command of the container that serves, with a small application: when it ends, and what it finishes before."""

import ast
import http.client
import json
import re
import shutil
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from components.open_webui.names import PORT
from stack_config.files import ROOT
from tests.support.servers.addresses import free_port
from tests.support.servers.server_process import not_there, wait_until
from tests.support.unit import recording

PACKAGES = ROOT / ".venv-open-webui"
APPLICATION = ROOT / "tests" / "support" / "servers" / "fake_application.py"
SCRIPT = ROOT / "components" / "open_webui" / "files" / "startup" / "serve.py"
COLLECTION_OBJECTS = 10_000
"""New objects before a garbage collection, as in `serve.py`, which only runs with the packages of the image."""

IDLE_SECONDS = 3.0
"""Within which a server without work has ended; uvicorn itself takes half a second on an idle machine."""


@dataclass(frozen=True)
class Serving:
    """A running server."""

    process: "subprocess.Popen[str]"
    port: int
    directory: Path

    def get(self, path: str) -> http.client.HTTPResponse:
        """The response to a GET request, with its body to be read."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        connection.request("GET", path)
        return connection.getresponse()

    def leave(self) -> None:
        """What the kubelet does."""
        self.process.send_signal(signal.SIGTERM)

    def seconds_until_end(self) -> float:
        """How long it goes on, from now."""
        began = time.monotonic()
        self.process.wait(60)
        return time.monotonic() - began

    @property
    def done(self) -> list[str]:
        """The tasks that have finished."""
        file = self.directory / "done"
        return file.read_text().split() if file.exists() else []

    @property
    def log(self) -> str:
        return (self.directory / "log").read_text()


def python() -> str:
    """Python with the packages of Open WebUI's release, above all its uvicorn."""
    program = PACKAGES / "bin" / "python"
    if not program.exists():
        not_there("Open WebUI is missing; install it with: make .venv-open-webui/ready (Python 3.11 or 3.12)")
    return str(program)


def command(port: int, drain_seconds: int) -> list[str]:
    """The container's, with this machine's paths."""
    deployed = recording.run("dev", [f"openWebui.drainSeconds={drain_seconds}"])
    here = {"python": python(), "0.0.0.0": "127.0.0.1", str(PORT): str(port)}
    words = deployed.containers["open-webui/open-webui"]["command"]
    return [here.get(word, word) for word in words]


@contextmanager
def serving(directory: Path, *, drain_seconds: int = 30, tasks: str = "tasks = {}\n") -> Iterator[Serving]:
    """The server, ready."""
    with starting(directory, drain_seconds=drain_seconds, tasks=tasks) as server:
        wait_until(lambda: "Uvicorn running" in server.log, "the server runs")
        yield server


@contextmanager
def starting(
    directory: Path, *, drain_seconds: int = 30, tasks: str = "tasks = {}\n", first: str = "", **variables: str
) -> Iterator[Serving]:
    """The server, which is not awaited.

    Args:
        directory: of the image.
        drain_seconds: longest drain.
        tasks: source code of the module with Open WebUI's registry.
        first: source code that the application runs first.
        variables: of the container.
    """
    package = directory / "open_webui"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "tasks.py").write_text(tasks)
    (package / "main.py").write_text(first + APPLICATION.read_text())
    port = free_port()
    with (
        (directory / "log").open("w") as log,
        subprocess.Popen(
            command(port, drain_seconds),
            cwd=directory,
            env={"PATH": "/usr/bin:/bin", "PYTHONUNBUFFERED": "1", "PYTHONPATH": str(SCRIPT.parents[1]), **variables},
            stdout=log,
            stderr=log,
            text=True,
        ) as process,
    ):
        try:
            yield Serving(process, port, directory)
        finally:
            process.kill()


def test_without_bytecode_another_process_compiles_until_the_application_is_imported(tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    installed = subprocess.run(
        [python(), "-c", "import uvicorn; print(uvicorn.__path__[0])"], capture_output=True, text=True, check=True
    )
    shutil.copytree(installed.stdout.strip(), tmp_path / "uvicorn", ignore=shutil.ignore_patterns("__pycache__"))
    # The import lasts until that process has compiled everything.
    wait = f"import pathlib, time\nwhile not pathlib.Path({str(cache)!r}, 'complete').exists():\n    time.sleep(0.05)\n"
    with starting(tmp_path, first=wait, PYTHONPYCACHEPREFIX=str(cache)) as server:
        wait_until(lambda: "Uvicorn running" in server.log, "the server runs")
        children = Path(f"/proc/{server.process.pid}/task/{server.process.pid}/children")
        assert children.read_text() == ""
        assert list(cache.rglob("main.*.pyc"))


def test_without_work_it_ends_at_once(tmp_path: Path) -> None:
    with serving(tmp_path) as server:
        assert server.get("/answer/0.1").status == 200
        wait_until(lambda: server.done == ["answer"], "the answer is written")
        time.sleep(1.5)
        server.leave()
        assert server.seconds_until_end() < IDLE_SECONDS
        # As uvicorn ends: the signal is raised again, which the first process of a container ignores.
        assert server.process.returncode == -signal.SIGTERM
        assert "Finished server process" in server.log


@pytest.mark.parametrize("what", ["answer", "title"])
def test_an_answer_is_finished(tmp_path: Path, what: str) -> None:
    with serving(tmp_path) as server:
        server.get(f"/{what}/4")
        server.leave()
        assert 4 <= server.seconds_until_end() + 0.5 < 4 + IDLE_SECONDS
        assert server.done == [what]
        assert "Draining for at most 30 s; in progress: tasks 1, requests 0" in server.log


def test_an_answer_that_begins_in_the_drain_is_finished(tmp_path: Path) -> None:
    with serving(tmp_path) as server:
        server.get("/answer/2")
        server.leave()
        time.sleep(1)
        server.get("/answer/4")
        server.seconds_until_end()
        assert server.done == ["answer", "answer"]


def test_a_stream_is_finished_and_its_connection_closed(tmp_path: Path) -> None:
    with serving(tmp_path) as server:
        before = server.get("/stream/3")
        assert before.headers["Connection"] is None
        server.leave()
        wait_until(lambda: "Draining" in server.log, "the drain begins")
        during = server.get("/health")
        assert during.headers["Connection"] is None, "a probe's connection is left alone"
        assert server.get("/stream/0").headers["Connection"] == "close"
        assert before.read().endswith(b"end")
        server.seconds_until_end()


def test_the_bound_ends_the_drain(tmp_path: Path) -> None:
    with serving(tmp_path, drain_seconds=2) as server:
        server.get("/answer/60")
        server.leave()
        assert 1.5 <= server.seconds_until_end() < 2 + IDLE_SECONDS
        assert server.done == []
        assert "The drain ends with work in progress: tasks 1, requests 0" in server.log


def test_a_second_signal_ends_the_drain(tmp_path: Path) -> None:
    with serving(tmp_path) as server:
        server.get("/answer/60")
        server.leave()
        wait_until(lambda: "Draining" in server.log, "the drain begins")
        server.leave()
        assert server.seconds_until_end() < IDLE_SECONDS


def test_a_websocket_does_not_hold_it(tmp_path: Path) -> None:
    with serving(tmp_path) as server, socket.create_connection(("127.0.0.1", server.port)) as websocket:
        key = "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="
        request = (
            f"GET /ws/socket.io/ HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n{key}\r\n\r\n"
        )
        websocket.sendall(request.encode())
        assert b" 101 " in websocket.recv(1000)
        server.leave()
        assert server.seconds_until_end() < IDLE_SECONDS


def test_probes_do_not_hold_it(tmp_path: Path) -> None:
    with serving(tmp_path) as server:
        stop = threading.Event()

        def probe() -> None:
            while not stop.wait(0.02):
                try:
                    server.get("/health/db").read()
                except OSError:
                    return

        prober = threading.Thread(target=probe)
        prober.start()
        time.sleep(0.5)
        server.leave()
        assert server.seconds_until_end() < IDLE_SECONDS
        stop.set()
        prober.join()


def test_a_release_without_the_registry_is_named_and_served(tmp_path: Path) -> None:
    with serving(tmp_path, tasks="") as server:
        # It follows the line of uvicorn that says that the server runs.
        wait_until(lambda: "has no open_webui.tasks.tasks" in server.log, "the warning")
        stream = server.get("/stream/2")
        server.leave()
        assert stream.read().endswith(b"end")
        server.seconds_until_end()


def test_a_signal_during_the_import_ends_it_at_once(tmp_path: Path) -> None:
    with starting(tmp_path, tasks="print('importing', flush=True)\nimport time\ntime.sleep(30)\n") as server:
        wait_until(lambda: "importing" in server.log, "the import")
        server.leave()
        assert server.seconds_until_end() < IDLE_SECONDS
        assert server.process.returncode == 128 + signal.SIGTERM


def test_the_objects_of_the_application_are_out_of_the_garbage_collection_and_later_ones_are_not(
    tmp_path: Path,
) -> None:
    with serving(tmp_path) as server:
        threshold, frozen, _ = map(int, server.get("/collection").read().split())
        assert threshold == COLLECTION_OBJECTS
        assert frozen > COLLECTION_OBJECTS, "those of the modules alone are more"
        assert server.get(f"/garbage/{10 * COLLECTION_OBJECTS}").read() == b"end"
        uncollected = int(server.get("/collection").read().split()[2])
        assert uncollected <= 2 * COLLECTION_OBJECTS


def test_the_log_and_the_options_are_uvicorns_own(tmp_path: Path) -> None:
    with serving(tmp_path) as server:
        server.get("/answer/0").read()
        wait_until(lambda: "GET /answer/0" in server.log, "the access log")
        assert re.search(r'^INFO: +127\.0\.0\.1:\d+ - "GET /answer/0 HTTP/1\.1" 200 OK$', server.log, re.MULTILINE)
        server.leave()
        server.seconds_until_end()


def test_the_release_has_what_the_drain_looks_at() -> None:
    """The package itself: the registry holds tasks, and each coroutine that is named exists."""
    names = "import json; from startup import serve; print(json.dumps([*serve.UNREGISTERED]))"
    done = subprocess.run([python(), "-c", names], cwd=SCRIPT.parent.parent, capture_output=True, text=True, check=True)
    [package] = PACKAGES.glob("lib/python3*/site-packages/open_webui")
    sources = [ast.parse(file.read_text()) for file in package.rglob("*.py")]
    coroutines = {node.name for tree in sources for node in ast.walk(tree) if isinstance(node, ast.AsyncFunctionDef)}
    assert set(json.loads(done.stdout)) <= coroutines
    assert "tasks: dict[str, asyncio.Task] = {}" in (package / "tasks.py").read_text()
