"""The probes of the rendered pods, run as the kubelet runs them: as commands, whose exit code is the answer."""

import os
import subprocess
from pathlib import Path
from typing import Any

from tests.support.servers.redis_nodes import moved
from tests.support.servers.rendered import Manifest
from tests.support.servers.server_process import search_path


def passes(
    probe: str,
    workload: Manifest,
    *,
    container: str = "redis",
    host: str = "127.0.0.1",
    port: int = 6379,
    directory: Path | None = None,
) -> bool:
    """Whether a probe of a container passes.

    Args:
        probe: ``readinessProbe`` or ``livenessProbe``.
        workload: the Deployment or StatefulSet as rendered.
        container: name of the container.
        host: address of the server; in the pod it is the loopback address.
        port: port of the server.
        directory: a node's, when the probe reads files of the container.
    """
    containers: list[dict[str, Any]] = workload["spec"]["template"]["spec"]["containers"]
    [matching] = [each for each in containers if each["name"] == container]
    [*shell, script] = matching[probe]["exec"]["command"]
    asked = script if directory is None else moved(script, directory)
    for client in ("redis-cli", "valkey-cli"):
        asked = asked.replace(f" {client} ", f" {client} -h {host} -p {port} ")
    assert f"-p {port} " in asked, f"{probe} asks no server: {script}"
    environment = {**os.environ, "PATH": search_path()}
    return subprocess.run([*shell, asked], env=environment, check=False, timeout=20).returncode == 0
