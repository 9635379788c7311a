"""Environment variables of Open WebUI by the kind of its Redis, the stack's own or an external one."""

from collections.abc import Mapping, Sequence
from typing import Literal

Kind = Literal["standalone", "sentinel", "cluster"]
"""How clients find the server: its URL, Sentinels or the members of a Redis Cluster."""

CLUSTER_VARIABLES: Mapping[str, str] = {"REDIS_CLUSTER": "true", "WEBSOCKET_REDIS_CLUSTER": "true"}
"""For a Redis Cluster. The URL names any member: each knows the others."""


def sentinel_variables(hosts: Sequence[str], port: int) -> dict[str, str]:
    """For Sentinels.

    Args:
        hosts: the Sentinels in the order in which clients ask them.
        port: port of the Sentinels.
    """
    return {
        "REDIS_SENTINEL_HOSTS": ",".join(hosts),
        "REDIS_SENTINEL_PORT": str(port),
        # Open WebUI does not use the variables above for the websockets.
        "WEBSOCKET_SENTINEL_HOSTS": ",".join(hosts),
        "WEBSOCKET_SENTINEL_PORT": str(port),
        # A switchover takes a second or two, so clients retry an operation for three seconds. A longer wait would block
        # the event loop, because the client of the session pools is synchronous.
        "REDIS_SENTINEL_MAX_RETRY_COUNT": "7",
        "REDIS_RECONNECT_DELAY": "500",
    }


def client_variables(kind: Kind, sentinel_hosts: Sequence[str], sentinel_port: int) -> Mapping[str, str]:
    """Variables of Open WebUI beside the URLs.

    Args:
        kind: kind of the Redis.
        sentinel_hosts: its Sentinels, see `sentinel_variables`; empty for the other kinds.
        sentinel_port: port of the Sentinels.
    """
    variables: Mapping[Kind, Mapping[str, str]] = {
        "standalone": {},
        "sentinel": sentinel_variables(sentinel_hosts, sentinel_port),
        "cluster": CLUSTER_VARIABLES,
    }
    return variables[kind]
