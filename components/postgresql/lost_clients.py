"""How soon the server notices that the node of a client is lost."""

from collections.abc import Mapping

LOST_CLIENTS: Mapping[str, str] = {
    "tcp_keepalives_idle": "10",
    "tcp_keepalives_interval": "5",
    "tcp_keepalives_count": "4",
}
"""Server parameters: half a minute. With the defaults of Linux an unfinished migration of a lost node would keep its
locks for two hours. They apply to idle connections; a client that is slow, but alive, answers them."""
