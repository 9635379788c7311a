"""The Job that pulls models, its probes and the server's environment with a real Ollama and a registry of models."""

import json
import os
import signal
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

import pytest

from components.ollama.names import PORT
from components.ollama.pull_job import PULL_SCRIPT
from devcluster.toolchain.go_programs import OLLAMA, build
from tests.support.servers.addresses import free_port
from tests.support.servers.model_registry import Registry, model_registry
from tests.support.servers.server_process import running, wait_until
from tests.support.servers.slow_tier import slow
from tests.support.unit.recording import Recording, run

# Its server is built from source, for 5 to 8 minutes.
pytestmark = slow

_SETS = ("ollama.enabled=true", "ollama.keepAlive=1h", "ollama.parallel=3", "ollama.contextLength=4096")


@dataclass(frozen=True, kw_only=True)
class Ollama:
    """A running server, whose command and environment are those of the rendered Deployment."""

    url: str
    log: Path
    program: Recording
    executable: Path

    def get(self, path: str) -> Any:
        """The response of its API."""
        with urlopen(f"{self.url}{path}", timeout=10) as response:
            return json.loads(response.read())

    def pull(self, *models: str, url: str = "", wait: int = 30) -> "subprocess.CompletedProcess[str]":
        """Run the script of the Job to its end."""
        return subprocess.run(
            ["sh", "-c", PULL_SCRIPT, "pull.sh", *models],
            env={
                "PATH": f"{self.executable.parent}:{os.environ['PATH']}",
                "HOME": str(self.log.parent),
                "OLLAMA_HOST": url or self.url,
                "PULL_WAIT_SECONDS": str(wait),
            },
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )


@contextmanager
def _server(program: Recording, directory: Path, variables: Mapping[str, str]) -> Iterator[Ollama]:
    executable, port = build(OLLAMA), free_port()
    container = program.containers["ollama/ollama"]
    environment = {variable["name"]: variable["value"] for variable in container["env"]}
    places = {environment[name]: directory / name.lower() for name in ("HOME", "OLLAMA_MODELS")}
    for place in places.values():
        place.mkdir(exist_ok=True)
    here = {name: str(places.get(value, value)) for name, value in environment.items()}
    log = directory / "log"
    log.touch()
    command = [str(executable) if word == "ollama" else word for word in container["command"]]
    with running(
        command,
        directory=directory,
        log=log,
        stop_signal=signal.SIGTERM,
        environment={**here, "OLLAMA_HOST": f"127.0.0.1:{port}", "PATH": os.environ["PATH"], **variables},
        as_container_user=False,
    ):
        server = Ollama(url=f"http://127.0.0.1:{port}", log=log, program=program, executable=executable)
        probe = container["readinessProbe"]["httpGet"]
        assert probe["port"] == container["ports"][0]["name"]
        assert container["ports"][0]["containerPort"] == PORT
        wait_until(lambda: _answers(server, probe["path"]), "Ollama is ready", 60)
        yield server


def _answers(server: Ollama, path: str) -> bool:
    try:
        server.get(path)
    except URLError:
        return False
    return True


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    with model_registry(tmp_path_factory.mktemp("registry")) as registry:
        yield registry


@pytest.fixture(scope="module")
def ollama(registry: Registry, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ollama]:
    directory = tmp_path_factory.mktemp("ollama")
    with _server(run("dev", _SETS), directory, {"SSL_CERT_FILE": str(registry.authority)}) as server:
        yield server


def models(server: Ollama) -> list[str]:
    """The models that the server lists."""
    return [model["name"] for model in server.get("/api/tags")["models"]]


def test_the_job_pulls_a_model_once_and_ends_when_it_is_listed(ollama: Ollama, registry: Registry) -> None:
    pulled = ollama.pull(registry.model)
    assert (pulled.returncode, pulled.stderr) == (0, "")
    assert pulled.stdout.endswith(f"pull: {registry.model} is pulled.\n")
    assert models(ollama) == [registry.model]

    downloads = len(registry.downloads)
    again = ollama.pull(registry.model)
    assert (again.returncode, again.stdout) == (0, f"pull: {registry.model} is on the volume.\n")
    assert len(registry.downloads) == downloads


def test_a_model_that_the_registry_does_not_have_fails_the_job_with_the_reason(
    ollama: Ollama, registry: Registry
) -> None:
    missing = f"localhost:{registry.port}/team/unknown:1"
    failed = ollama.pull(registry.model, missing)
    assert failed.returncode == 1
    assert failed.stdout.splitlines()[-1] == (
        f"pull: {missing} cannot be pulled: Error: pull model manifest: file does not exist"
    )


def test_a_server_that_is_away_fails_the_job_in_time(ollama: Ollama, registry: Registry) -> None:
    nowhere = f"http://127.0.0.1:{free_port()}"
    failed = ollama.pull(registry.model, url=nowhere, wait=2)
    assert (failed.returncode, failed.stdout) == (1, f"pull: {nowhere} does not answer after 2 s.\n")


def test_the_server_takes_its_settings_from_the_environment(ollama: Ollama) -> None:
    log = ollama.log.read_text()
    for setting in ("OLLAMA_KEEP_ALIVE:1h0m0s", "OLLAMA_NUM_PARALLEL:3", "OLLAMA_CONTEXT_LENGTH:4096"):
        assert setting in log


def test_every_probe_is_answered(ollama: Ollama) -> None:
    container = ollama.program.containers["ollama/ollama"]
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        assert ollama.get(container[probe]["httpGet"]["path"])
