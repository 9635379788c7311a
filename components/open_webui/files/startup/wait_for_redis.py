"""Wait until Redis accepts the credentials of this pod, before the pod does anything else.

The variables of a new pod contain a rotated password at once. The servers accept it about a minute later, when the
kubelet has updated their file. A pod that started in between would serve without Redis. The pods with the old password
serve until this pod is ready. Every server that the variables name is checked, because clients may connect to any of
them: a server that refuses the credentials, and a primary that does not answer, are waited for.
"""

import os
import time
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import redis
from redis.cluster import RedisCluster
from redis.exceptions import AuthenticationError, NoPermissionError, RedisClusterException, RedisError
from redis.sentinel import MasterNotFoundError, Sentinel

from .output import RefusedError, log, seconds

PAIRS = (
    ("REDIS_URL", "REDIS_SENTINEL_HOSTS", "REDIS_SENTINEL_PORT"),
    ("WEBSOCKET_REDIS_URL", "WEBSOCKET_SENTINEL_HOSTS", "WEBSOCKET_SENTINEL_PORT"),
)
"""Variables of Open WebUI: the URL, and the Sentinels that know where it leads."""

TIMEOUT: dict[str, Any] = {"socket_timeout": 3, "socket_connect_timeout": 3}
REFUSED = (AuthenticationError, NoPermissionError)


def wait_for_redis() -> None:
    """Return when Redis accepts the credentials.

    Raises `RefusedError` if it does not within MIGRATE_REDIS_WAIT_SECONDS.
    """
    patience = seconds("MIGRATE_REDIS_WAIT_SECONDS")
    deadline, logged = time.monotonic() + patience, ""
    while problem := redis_problem(os.environ):
        if time.monotonic() >= deadline:
            raise RefusedError(f"Redis did not accept the credentials of this pod within {patience:g} s: {problem}")
        if problem != logged:
            log(f"Waiting up to {patience:g} s: Redis is not ready for this pod: {problem}")
            logged = problem
        time.sleep(min(0.5, max(0.01, deadline - time.monotonic())))
    if logged:
        log("Redis accepts the credentials of this pod.")


def redis_problem(environment: Mapping[str, str]) -> str | None:
    """The first error of the checks; None if all succeed."""
    try:
        for check in checks(environment):
            check()
    except (RedisError, OSError) as error:
        # Only the class: a message of the client may quote its arguments.
        return type(error).__name__
    except RedisClusterException as error:
        # Not a RedisError. The client of a cluster raises it for every failure of its first connection.
        return type(error.__cause__ or error).__name__
    return None


def checks(environment: Mapping[str, str]) -> Iterator[Any]:
    """The checks that must succeed."""
    for url, hosts, port in PAIRS:
        if not (value := environment.get(url)):
            continue
        if environment.get(hosts):
            yield lambda value=value, hosts=hosts, port=port: sentinels(
                value, environment[hosts].split(","), int(environment.get(port) or 26379)
            )
        elif environment.get("REDIS_CLUSTER", "").lower() == "true":
            yield lambda value=value: cluster(value)
        else:
            yield lambda value=value: redis.Redis.from_url(value, **TIMEOUT).ping()


def sentinels(url: str, hosts: list[str], port: int) -> None:
    """Check every Sentinel that answers, the primary, and every replica that answers."""
    parts = urlsplit(url)
    credentials: dict[str, Any] = {"username": parts.username, "password": parts.password}
    service = parts.netloc.rpartition("@")[2].split(":")[0]
    for host in hosts:
        present(redis.Redis(host=host.strip(), port=port, **credentials, **TIMEOUT))
    known: Any = Sentinel(  # type: ignore[no-untyped-call]
        [(host.strip(), port) for host in hosts], sentinel_kwargs={**credentials, **TIMEOUT}, **credentials, **TIMEOUT
    )
    if not known.master_for(service).ping():
        raise MasterNotFoundError(service)
    for host, replica_port in known.discover_slaves(service):
        present(redis.Redis(host=host, port=replica_port, **credentials, **TIMEOUT))


def cluster(url: str) -> None:
    """Check every member of the Redis Cluster that answers, and that every hash slot has a primary."""
    parts = urlsplit(url)
    credentials = parts.netloc.rpartition("@")[0]
    nodes: Any = RedisCluster.from_url(url, require_full_coverage=True, **TIMEOUT)
    for node in nodes.get_nodes():
        own = parts._replace(netloc=f"{credentials}@{node.host}:{node.port}", path="/0")
        present(redis.Redis.from_url(urlunsplit(own), **TIMEOUT))


def present(server: redis.Redis) -> None:
    """Send PING; ignore a server that does not answer.

    Raises:
        AuthenticationError: the server answers and refuses the credentials.
    """
    try:
        server.ping()
    except REFUSED:
        raise
    except (RedisError, OSError):
        pass
