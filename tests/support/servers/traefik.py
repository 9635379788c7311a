"""Traefik as a process of this machine."""

import json
import os
import signal
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.support.servers.addresses import free_port
from tests.support.servers.server_process import (
    SERVER_PACKAGES,
    not_there,
    running,
    wait_until,
    wait_until_answered,
)


@dataclass(frozen=True)
class Traefik:
    """A running Traefik with one entry point, ``web``."""

    port: int
    """Port of the entry point."""

    api_port: int
    log: Path

    def routers(self) -> dict[str, dict[str, Any]]:
        """Its routers for HTTP with their status, by name."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.api_port}/api/http/routers", timeout=10) as answer:
            return {each["name"]: each for each in json.load(answer)}

    def middleware(self, name: str) -> dict[str, Any]:
        """A middleware as Traefik has read it."""
        url = f"http://127.0.0.1:{self.api_port}/api/http/middlewares/{name}"
        with urllib.request.urlopen(url, timeout=10) as answer:
            read: dict[str, Any] = json.load(answer)
        return read


@contextmanager
def traefik(
    directory: Path,
    *arguments: str,
    router: str = "web@file",
    port: int | None = None,
    environment: Mapping[str, str] | None = None,
) -> Iterator[Traefik]:
    """Traefik while the block runs. It serves once it has read what its providers have.

    Args:
        directory: of its files.
        arguments: of the command line, such as its providers.
        router: end of the name of a router to wait for.
        port: of the entry point; None for a free one.
        environment: further variables.
    """
    program = SERVER_PACKAGES / "bin" / "traefik"
    if not program.exists():
        not_there("Traefik is missing; install it with: make .venv-servers/ready")
    made = Traefik(port or free_port(), free_port(), directory / "traefik.log")
    command = [
        str(program.resolve()),
        f"--entryPoints.web.address=127.0.0.1:{made.port}",
        f"--entryPoints.traefik.address=127.0.0.1:{made.api_port}",
        "--api.insecure",
        "--log.level=INFO",
        "--global.checkNewVersion=false",
        "--global.sendAnonymousUsage=false",
        *arguments,
    ]
    with running(
        command,
        directory=directory,
        log=made.log,
        stop_signal=signal.SIGTERM,
        environment={**os.environ, **(environment or {})},
        as_container_user=False,
    ) as process:
        url = f"http://127.0.0.1:{made.api_port}/api/version"
        wait_until_answered(url, process, made.log, "Traefik answers")
        wait_until(lambda: any(name.endswith(router) for name in made.routers()), f"Traefik has a router {router}")
        yield made


def routes(directory: Path, urls: list[str], middleware: Mapping[str, Any] | None = None, *, cookie: str = "") -> str:
    """The argument for a router that sends every request to these servers in turn.

    Args:
        directory: of the file.
        urls: of the servers.
        middleware: `spec` of a Middleware in front of them.
        cookie: name of a cookie that keeps a client on its server.
    """
    balancer: dict[str, Any] = {"servers": [{"url": url} for url in urls]}
    if cookie:
        balancer["sticky"] = {"cookie": {"name": cookie}}
    router: dict[str, Any] = {"rule": "PathPrefix(`/`)", "service": "replicas"}
    http: dict[str, Any] = {
        "routers": {"web": router},
        "services": {"replicas": {"loadBalancer": balancer}},
    }
    if middleware:
        router["middlewares"] = ["retries"]
        http["middlewares"] = {"retries": dict(middleware)}
    file = directory / "routes.yaml"
    file.write_text(yaml.safe_dump({"http": http}))
    return f"--providers.file.filename={file}"
