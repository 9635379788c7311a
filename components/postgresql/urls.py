"""URLs of the stack's roles, with the time limits of a client."""

from urllib.parse import quote

from pulumi import Output

from ..blocks.url_parameters import with_parameters
from .names import DATABASE, PORT, SERVICE

# Of libpq, whose own defaults wait for a server that disappeared without closing the connection as long as the kernel
# does: two minutes to connect, 15 for an answer, two hours when the connection is idle.
CLIENT_PARAMETERS = {
    "connect_timeout": 5,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 15_000,
}
"""Time limits of a client's connections, in seconds; ``tcp_user_timeout`` in milliseconds.

https://www.postgresql.org/docs/17/libpq-connect.html#LIBPQ-PARAMKEYWORDS
"""


def with_time_limits(url: str) -> str:
    """The URL with the time limits, apart from those that it has itself."""
    return with_parameters(url, CLIENT_PARAMETERS)


def role_url(user: str, password: Output[str], host: str = SERVICE) -> Output[str]:
    """URL of a role of the stack. Secret.

    Args:
        user: name of the role.
        password: its password.
        host: Service that the client connects to.
    """
    quoted = password.apply(lambda plain: quote(plain, safe=""))
    return Output.secret(Output.concat(f"postgresql://{user}:", quoted, f"@{host}:{PORT}/{DATABASE}"))
