"""Waits until Redis accepts the credentials of this pod, before the pod serves. Runs in Open WebUI's own image. The
variables of a new pod contain a rotated password at once. The servers accept it about a minute later, when the kubelet
has updated their file. A pod that started in between would serve without Redis. The pods with the old password serve
until this pod is ready. The script checks every server that the variables name, because clients may connect to any of
them. It waits for a server that refuses the credentials, and for a primary that does not answer.
"""

import os
import sys
import time
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import redis
from redis.cluster import RedisCluster
from redis.exceptions import AuthenticationError, NoPermissionError, RedisError
from redis.sentinel import MasterNotFoundError, Sentinel

PAIRS = (
    ("REDIS_URL", "REDIS_SENTINEL_HOSTS", "REDIS_SENTINEL_PORT"),
    ("WEBSOCKET_REDIS_URL", "WEBSOCKET_SENTINEL_HOSTS", "WEBSOCKET_SENTINEL_PORT"),
)
"""Variables of Open WebUI: the URL, and the Sentinels that know where it leads."""

TIMEOUT: dict[str, Any] = {"socket_timeout": 3, "socket_connect_timeout": 3}
REFUSED = (AuthenticationError, NoPermissionError)


def main() -> int:
    """0 if Redis accepts the credentials, 1 if it does not within ``REDIS_WAIT_SECONDS``."""
    deadline = time.monotonic() + float(os.environ["REDIS_WAIT_SECONDS"])
    last_error = ""
    while True:
        try:
            for step in checks(os.environ):
                step()
        except (RedisError, OSError) as error:
            # Only the class: a message of the client may quote its arguments.
            if type(error).__name__ != last_error:
                last_error = type(error).__name__
                print(f"Redis is not ready for this pod: {last_error}", flush=True)
            if time.monotonic() > deadline:
                return 1
            time.sleep(0.5)
        else:
            print("Redis takes the credentials of this pod.", flush=True)
            return 0


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


if __name__ == "__main__":
    sys.exit(main())
