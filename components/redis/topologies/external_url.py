"""Checks the URL of an external Redis. It is a secret: no message quotes any part of it."""

import re
from collections.abc import Iterator
from urllib.parse import parse_qsl, urlsplit

from ...blocks.names import hosts_in, none_can_be
from ..external_settings import RedisExternalSettings

_DEFAULT_PORT = 6379
# Arguments that connections of redis-py accept. Any other parameter causes a TypeError at the first connection:
# https://redis-py.readthedocs.io/en/stable/connections.html
_PARAMETERS = frozenset(
    {
        *("db", "protocol", "client_name", "encoding", "max_connections", "health_check_interval"),
        *("socket_timeout", "socket_connect_timeout", "socket_keepalive", "retry_on_timeout"),
    }
)
_TLS_PARAMETERS = frozenset(
    {
        *("ssl_cert_reqs", "ssl_ca_certs", "ssl_ca_path", "ssl_certfile", "ssl_keyfile", "ssl_password"),
        *("ssl_check_hostname", "ssl_ciphers"),
    }
)


def url_errors(url: str, external: RedisExternalSettings) -> Iterator[tuple[str, str]]:
    """The errors in the URL, and the allowed values. Never quotes a part of the URL.

    Args:
        url: the value of ``redisCacheUrl`` or ``redisWebsocketUrl``.
        external: the Redis that it leads to.
    """
    try:
        parts = urlsplit(url)
        port = parts.port or _DEFAULT_PORT
    except ValueError:
        yield "it is not a URL", "redis://user:password@host:port/database"
        return
    if parts.scheme not in ("redis", "rediss"):
        yield "its scheme is not that of Redis", "redis:// or rediss://"
        return
    if not parts.hostname:
        yield "it has no host", "redis://user:password@host:port/database"
        return
    if external.resolved_kind == "sentinel":
        yield from _dropped_by_sentinel_clients(parts.scheme, parts.netloc, parts.query)
    else:
        if none_can_be(parts.hostname, hosts_in(external.hosts)):
            yield "its host is not in redis.external.hosts: the network policy would not open it", "a host of that list"
        if port != external.port:
            yield "its port is not redis.external.port: the network policy would not open it", f"port {external.port}"
    yield from _query_and_database(parts.scheme, parts.path, parts.query, parts.fragment, external)


def _dropped_by_sentinel_clients(scheme: str, netloc: str, query: str) -> Iterator[tuple[str, str]]:
    if scheme == "rediss":
        yield (
            "it asks for TLS with redis.external.sentinelHosts: Open WebUI would connect without it, silently",
            "redis://, or a Redis without Sentinels",
        )
    if "%" in netloc.rpartition("@")[0]:
        yield (
            "its user or password is percent-encoded, and Open WebUI sends it undecoded with "
            "redis.external.sentinelHosts: no server would take it",
            "a user and a password of letters, digits and . _ ~ -",
        )
    if query:
        yield "it has parameters, which Open WebUI drops with redis.external.sentinelHosts", "a URL without ?"


def _query_and_database(
    scheme: str, path: str, query: str, fragment: str, external: RedisExternalSettings
) -> Iterator[tuple[str, str]]:
    parameters = dict(parse_qsl(query, keep_blank_values=True))
    known = _PARAMETERS | (_TLS_PARAMETERS if scheme == "rediss" else frozenset())
    if fragment or not parameters.keys() <= known:
        yield (
            "it has a fragment, or a parameter that redis-py refuses: no connection would be made",
            f"parameters {', '.join(sorted(known))}",
        )
    database = parameters.get("db") or path.removeprefix("/") or "0"
    if not re.fullmatch(r"[0-9]{1,5}", database):
        yield "its path is not the number of a database", "/0, or another number"
    elif external.resolved_kind == "cluster" and int(database) != 0:
        yield "it names a database, and a Redis Cluster has database 0 only", "/0, or no path"
