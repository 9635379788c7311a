"""Questions to the API server before anything is registered, by kubectl.

It reads the kubeconfig and runs credential plugins as the provider does.
"""

import json
import subprocess
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from tempfile import NamedTemporaryFile
from typing import Any

from pulumi.runtime.mocks import MockMonitor
from pulumi.runtime.settings import get_monitor

from components.blocks.finding import Finding

from .cluster_access import ClusterAccess

REQUEST_SECONDS = 10


class NotAskedError(Exception):
    """The API server cannot be reached, or refuses to answer; the message says why."""


class NotFoundError(NotAskedError):
    """The API server has answered that there is no such object."""


FORBIDDEN = "(Forbidden)"
"""Part of the message of `NotAskedError` where the user lacks a permission."""

Ask = Callable[[str], dict[str, Any]]
"""Sends a GET for a path to the API server and returns its answer. Raises NotAskedError."""


@dataclass(frozen=True, kw_only=True)
class Question:
    """Something that the settings need and the cluster may lack."""

    about: str
    """The fact that is unknown when the cluster does not answer: ``whether the namespace chat exists``."""

    findings: Callable[[], Iterable[Finding]]
    """What the cluster lacks. Raises NotAskedError."""


def there_is_a_cluster() -> bool:
    """Whether the program runs with an engine: unit tests and `make manifests` have no cluster."""
    return not isinstance(get_monitor(), MockMonitor)


def kubectl(access: ClusterAccess, *arguments: str) -> str:
    """What a command of kubectl prints.

    Args:
        access: the cluster.
        arguments: command and flags.

    Raises:
        NotFoundError: there is no such object.
        NotAskedError: it failed for another reason; the message is what it printed.
    """
    with _kubeconfig(access) as flags:
        return _output(["kubectl", *flags, f"--request-timeout={REQUEST_SECONDS}s", *arguments])


def asks(access: ClusterAccess) -> Ask:
    """A function that asks the API server of a cluster, each path once."""
    return cache(lambda path: _answer(access, path))


def _answer(access: ClusterAccess, path: str) -> dict[str, Any]:
    text = kubectl(access, "get", "--raw", path)
    try:
        answer: dict[str, Any] = json.loads(text)
    except ValueError as error:
        raise NotAskedError(f"{path} was not answered with JSON") from error
    return answer


@contextmanager
def _kubeconfig(access: ClusterAccess) -> Iterator[list[str]]:
    """Flags of kubectl. A kubeconfig of the config is a file that only this user can read, while the block runs."""
    context = [f"--context={access.context}"] if access.context else []
    if access.kubeconfig is None:
        yield context
        return
    with NamedTemporaryFile("w", prefix="kubeconfig-") as file:
        file.write(access.kubeconfig)
        file.flush()
        yield [f"--kubeconfig={file.name}", *context]


def _output(command: list[str]) -> str:
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=3 * REQUEST_SECONDS, check=False
        )
    except FileNotFoundError as error:
        raise NotAskedError("kubectl is not on PATH") from error
    except subprocess.TimeoutExpired as error:
        raise NotAskedError(f"kubectl did not answer within {3 * REQUEST_SECONDS} s") from error
    if done.returncode and "(NotFound)" in done.stderr:
        raise NotFoundError(done.stderr.strip())
    if done.returncode:
        raise NotAskedError(done.stderr.strip() or f"kubectl failed with exit code {done.returncode}")
    return done.stdout
