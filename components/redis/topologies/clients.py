"""The variables that lead the clients to a Redis, by its shape: the same whether it is the stack's own or external."""

from collections.abc import Sequence
from typing import Literal

Shape = Literal["standalone", "sentinel", "cluster"]


def client_variables(shape: str, sentinel_hosts: Sequence[str], sentinel_port: int) -> dict[str, str]:
    """Variables of Open WebUI beside the URLs.

    Args:
        shape: ``standalone``, ``sentinel`` or ``cluster``.
        sentinel_hosts: the Sentinels in the order in which they are asked. Used with ``sentinel`` only.
        sentinel_port: their port.
    """
    if shape == "cluster":
        # The URL is that of any server of it: each says where the others are.
        return {"REDIS_CLUSTER": "true", "WEBSOCKET_REDIS_CLUSTER": "true"}
    if shape != "sentinel":
        return {}
    hosts, port = ",".join(sentinel_hosts), str(sentinel_port)
    return {
        "REDIS_SENTINEL_HOSTS": hosts,
        "REDIS_SENTINEL_PORT": port,
        # Those of the websockets are not inherited from the others.
        "WEBSOCKET_SENTINEL_HOSTS": hosts,
        "WEBSOCKET_SENTINEL_PORT": port,
        # A planned switch takes a second or two: an operation is repeated for three. More would hold up the event loop,
        # which the session pools' synchronous client blocks while it waits.
        "REDIS_SENTINEL_MAX_RETRY_COUNT": "7",
        "REDIS_RECONNECT_DELAY": "500",
    }
