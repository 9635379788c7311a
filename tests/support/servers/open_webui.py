"""The real Open WebUI of the stack's release, as processes: one for each container.

Its packages are in a virtual environment of their own (``make .venv-open-webui/ready``). Commands, environment,
scripts and the contents of Secrets are those of the Deployment, ConfigMap and Secrets that the program registers. Only
addresses, ports and directories are this machine's.
"""

import shutil
import signal
import subprocess
import tempfile
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest

from components.open_webui.environment import DATA_DIRECTORY, STATIC_DIRECTORY
from components.open_webui.names import PORT
from components.open_webui.startup_scripts import (
    BYTECODE_DIRECTORY,
    PACKAGE,
    SCRIPTS_DIRECTORY,
    config_map_name,
    startup_scripts,
)
from components.postgresql.names import USER
from devcluster.node.images.definitions import open_webui as image
from tests.support.e2e.model_server import model_server
from tests.support.servers.addresses import free_port
from tests.support.servers.kubelet_variables import expanded
from tests.support.servers.open_webui_image import PACKAGES, VERSION, lay_out_image
from tests.support.servers.postgresql_database import (
    CLIENT_PASSWORD,
    CLIENT_USER,
    PASSWORD,
    Database,
    rendered_database,
)
from tests.support.servers.redis_server import Server, redis_server
from tests.support.servers.replica import Replica
from tests.support.servers.run_directory import run_directory
from tests.support.servers.server_process import (
    check_alive,
    give_away,
    postgresql_with_pgvector,
    running,
    server_directory,
    wait_until,
)
from tests.support.unit import recording

MIGRATION_SECONDS = 300
START_SECONDS = 180
ADMIN_EMAIL = "admin@example.com"

Secrets = Mapping[str, Mapping[str, str]]
"""Contents of Secrets by their names."""


@dataclass(frozen=True, kw_only=True)
class IdlePod:
    """A web pod in which no server runs: its volumes, and the environment of its container."""

    directory: Path
    """Of the volumes ``data``, ``static`` and ``tmp``."""

    working_directory: Path
    variables: Mapping[str, str]
    """Those that the Deployment sets."""

    environment: Mapping[str, str]
    """The whole environment."""

    def python(self, arguments: Sequence[str]) -> list[str]:
        """Command that runs Python in the container."""
        assignments = [f"{name}={value}" for name, value in self.environment.items()]
        python = str(PACKAGES / "bin" / "python")
        return ["env", "-i", "-C", str(self.working_directory), *assignments, python, *arguments]


@dataclass(frozen=True, kw_only=True)
class OpenWebUI:
    """A Deployment of Open WebUI: what its pods are made of."""

    directory: Path
    """Of the servers' user; the image is in ``image``."""

    environment: str
    """Environment of the stack: ``dev``, ``prod``."""

    sets: tuple[str, ...] = ()
    """``KEY=VALUE`` over that environment's config."""

    secrets: Secrets = field(default_factory=dict)
    """Contents of Secrets that are not the program's own, above all the URLs of the servers."""

    secret_inputs: Mapping[str, str] = field(default_factory=dict)
    """Secret config keys and their values."""

    stashes: Mapping[str, str] = field(default_factory=dict)
    """What the Stash resources have kept from an earlier update, by logical name."""

    @property
    def signing_key(self) -> str:
        """Value of WEBUI_SECRET_KEY."""
        return self._contents()["openwebui-secret"]["secret-key"]

    @property
    def admin_password(self) -> str:
        """First password of the administrator `ADMIN_EMAIL`."""
        return self._contents()["openwebui-admin"]["password"]

    def migrate(self, **changes: str | None) -> "subprocess.CompletedProcess[str]":
        """Run the init container ``migrate`` to its end.

        Args:
            changes: variables beside those of the container or in place of them; None leaves one out.
        """
        return self._run(self._program.containers["open-webui/migrate"], changes)

    def preflight(self, **changes: str | None) -> "subprocess.CompletedProcess[str]":
        """Run the Job that comes before the pods to its end.

        Args:
            changes: variables beside those of the container or in place of them; None leaves one out.
        """
        return self._run(self._program.containers["open-webui-preflight/preflight"], changes)

    def run(self, script: str, **changes: str | None) -> "subprocess.CompletedProcess[str]":
        """Run Python in the container ``open-webui``, with the application's modules."""
        container = self._program.containers["open-webui/open-webui"]
        return self._run({**container, "command": ["python", "-c", script]}, changes)

    def _run(
        self, container: Mapping[str, Any], changes: Mapping[str, str | None]
    ) -> "subprocess.CompletedProcess[str]":
        with self._pod_directory() as place:
            return subprocess.run(
                self._command(container, 0),
                cwd=self._working_directory,
                env=_changed(self._variables(container, place), changes),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                timeout=MIGRATION_SECONDS,
                check=False,
                encoding="utf-8",
                errors="backslashreplace",
            )

    def migrated(self) -> str:
        """Run the init container ``migrate``, which has to succeed; returns what it printed."""
        done = self.migrate()
        assert done.returncode == 0, done.stdout
        return done.stdout

    @contextmanager
    def idle_pod(self, **changes: str) -> Iterator[IdlePod]:
        """A pod in which no server runs, while the block runs. Its environment has the changes beside its own."""
        (container,) = self._pod["containers"]
        with self._pod_directory() as place:
            variables = {**{variable["name"]: "" for variable in container["env"]}, **changes}
            environment = {**self._variables(container, place), **changes}
            yield IdlePod(
                directory=place,
                working_directory=self._working_directory,
                variables={name: environment[name] for name in variables},
                environment=environment,
            )

    @contextmanager
    def replicas(self, number: int, **changes: str | None) -> Iterator[list[Replica]]:
        """That many pods while the block runs, all of them ready when it begins. They end with SIGTERM.

        Args:
            number: how many. They start at the same time.
            changes: variables beside those of the container or in place of them; None leaves one out.
        """
        with ExitStack() as pods:
            started = [pods.enter_context(self.starting(**changes)) for _ in range(number)]
            for replica in started:
                wait_until(lambda each=replica: _is_ready(each), "Open WebUI is ready", START_SECONDS)  # type: ignore[misc]
            yield started

    @contextmanager
    def starting(self, **changes: str | None) -> Iterator[Replica]:
        """Start a pod without waiting; the caller checks its process and its log."""
        (container,) = self._pod["containers"]
        with self._started(container, free_port(), changes) as replica:
            yield replica

    @contextmanager
    def migrating(self, **changes: str | None) -> Iterator[Replica]:
        """Start the init container ``migrate`` without waiting; the caller checks its process and its log."""
        with self._started(self._program.containers["open-webui/migrate"], 0, changes) as container:
            yield container

    @contextmanager
    def _started(self, container: Mapping[str, Any], port: int, changes: Mapping[str, str | None]) -> Iterator[Replica]:
        with self._pod_directory() as place:
            log = place / "log"
            log.touch()
            with running(
                self._command(container, port),
                directory=self._working_directory,
                log=log,
                stop_signal=signal.SIGTERM,
                environment=_changed(self._variables(container, place), changes),
                # The Python of the virtual environment may be in a home directory that only its owner can enter.
                as_container_user=False,
            ) as process:
                yield Replica(port, process, log, place / "data")

    @cached_property
    def _program(self) -> recording.Recording:
        return recording.run(self.environment, self.sets, self.secret_inputs, stashes=self.stashes)

    @property
    def _pod(self) -> dict[str, Any]:
        return self._program.pods["open-webui"]

    @property
    def _working_directory(self) -> Path:
        return self.directory / "image" / "app" / "backend"

    @contextmanager
    def _pod_directory(self) -> Iterator[Path]:
        """The volumes of a pod."""
        with tempfile.TemporaryDirectory(prefix="pod-", dir=self.directory) as name:
            place = Path(name)
            give_away(place)
            for volume in ("data", "static", "tmp"):
                (place / volume).mkdir()
                give_away(place / volume)
            yield place

    @property
    def _scripts(self) -> Path:
        """The volume with the scripts, one for all pods of a run: Python compiles them once."""
        name = config_map_name(startup_scripts())
        files = self._program.one("ConfigMap", name).inputs["data"]
        directory = run_directory() / name
        if not directory.exists():
            new = Path(tempfile.mkdtemp(dir=run_directory()))
            (new / PACKAGE).mkdir()
            for file, text in files.items():
                (new / PACKAGE / file).write_text(text)
            with suppress(OSError):  # Another worker was faster.
                new.rename(directory)
            shutil.rmtree(new, ignore_errors=True)
        return directory

    def _command(self, container: Mapping[str, Any], port: int) -> list[str]:
        here = {"python": str(PACKAGES / "bin" / "python"), "0.0.0.0": "127.0.0.1", str(PORT): str(port)}
        return [here.get(word, word) for word in container["command"]]

    def _variables(self, container: Mapping[str, Any], place: Path) -> dict[str, str]:
        contents = self._contents()
        variables = {"PATH": "/usr/bin:/bin", **image(VERSION).environment}
        for variable in container["env"]:
            if "value" in variable:
                variables[variable["name"]] = expanded(variable["value"], variables)
            elif reference := variable["valueFrom"].get("secretKeyRef"):
                variables[variable["name"]] = contents[reference["name"]][reference["key"]]
            else:
                fields = {"metadata.name": place.name, "metadata.namespace": "rag-system"}
                variables[variable["name"]] = fields[variable["valueFrom"]["fieldRef"]["fieldPath"]]
        return {
            **variables,
            "HOME": str(place / "tmp"),
            "TMPDIR": str(place / "tmp"),
            **{name: str(self._scripts) for name, value in variables.items() if value == SCRIPTS_DIRECTORY},
            **{name: str(place / "data") for name, value in variables.items() if value == DATA_DIRECTORY},
            # One for all pods of a run. Python does not see the bytecode beside the modules of the image, and would
            # compile in each pod what a script imports before `prepare_import`.
            **{
                name: str(run_directory() / "bytecode")
                for name, value in variables.items()
                if value == BYTECODE_DIRECTORY
            },
            **{name: str(place / "static") for name, value in variables.items() if value == STATIC_DIRECTORY},
        }

    def _contents(self) -> dict[str, Mapping[str, str]]:
        own = {each.name: each.plain("stringData") for each in self._program.objects if each.kind == "Secret"}
        plain = {name: {key: recording.plain(value) for key, value in data.items()} for name, data in own.items()}
        return {**plain, **self.secrets}


def _changed(variables: Mapping[str, str], changes: Mapping[str, str | None]) -> dict[str, str]:
    return {name: value for name, value in {**variables, **changes}.items() if value is not None}


def _is_ready(replica: Replica) -> bool:
    check_alive(replica.process, replica.log)
    try:
        return replica.request("GET", "/health/db").status == 200
    except urllib.error.URLError:
        return False


@dataclass(frozen=True, kw_only=True)
class Servers:
    """What Open WebUI needs around it."""

    database: Database
    redis: Server
    directory: Path

    @property
    def secrets(self) -> Secrets:
        """Secrets with the URLs of the servers."""
        return {
            "postgresql-secret": {
                "client-url": self.database.url(CLIENT_USER, CLIENT_PASSWORD),
                "owner-url": self.database.url(USER, PASSWORD),
            },
            "redis-config": {"cache-url": self.redis.url(0), "websocket-url": self.redis.url(1)},
        }

    def open_webui(
        self, environment: str, *sets: str, stashes: Mapping[str, str] | None = None, **secret_inputs: str
    ) -> OpenWebUI:
        """A Deployment of Open WebUI with these servers, these config keys and these secret ones."""
        return OpenWebUI(
            directory=self.directory,
            environment=environment,
            sets=sets,
            secrets=self.secrets,
            secret_inputs=secret_inputs,
            stashes=stashes or {},
        )


@contextmanager
def servers(environment: str = "prod", sets: tuple[str, ...] = ()) -> Iterator[Servers]:
    """An empty PostgreSQL and an empty Redis as rendered, and the image of Open WebUI, while the block runs."""
    with server_directory() as directory:
        lay_out_image(directory / "image")
        for part in ("postgresql", "redis"):
            (directory / part).mkdir()
            give_away(directory / part)
        database = rendered_database(directory / "postgresql", postgresql_with_pgvector(), sets)
        database.copied()
        with database.serving(), redis_server(directory / "redis", "redis", environment, sets=sets) as redis:
            yield Servers(database=database, redis=redis, directory=directory)


@dataclass(frozen=True, kw_only=True)
class Web:
    """Two replicas of Open WebUI that share one database and one Redis."""

    servers: Servers
    deployment: OpenWebUI
    replicas: list[Replica]
    model_url: str
    """URL of the service of models (tests/support/e2e/model_server.py)."""

    def admin_token(self) -> str:
        """A new sign-in of the administrator."""
        answer = self.replicas[0].sign_in(ADMIN_EMAIL, self.deployment.admin_password)
        assert answer.status == 200, answer.text
        return str(answer.body["token"])


@contextmanager
def web_replicas(number: int) -> Iterator[Web]:
    """That many replicas with servers of their own, while the block runs."""
    with ExitStack() as resources:
        around = resources.enter_context(servers())
        model_url = resources.enter_context(model_server("127.0.0.1"))
        deployment = around.open_webui("dev", f"openWebui.openaiApiBaseUrl={model_url}", openaiApiKey="key-of-tests")
        deployment.migrated()
        replicas = resources.enter_context(deployment.replicas(number))
        yield Web(servers=around, deployment=deployment, replicas=replicas, model_url=model_url)


@pytest.fixture(scope="session")
def web() -> Iterator[Web]:
    """Two replicas for all tests that leave them running and as they were: a start takes 15 s and more."""
    with web_replicas(2) as started:
        yield started
