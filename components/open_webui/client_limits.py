"""Time limits of the web pods' connections to a database whose URL the stack does not see."""

from ..blocks.connection import Connection
from ..blocks.connection_keys import CLIENT_URL
from .names import APP
from .startup_scripts import PACKAGE, SCRIPTS_DIRECTORY

SERVICE_FILE = "pg_service.conf"
"""File of the scripts with the limits. libpq has no variables for most of them."""

_SERVICE = APP
_CONNECT_SECONDS = 5


def client_limits(database: Connection) -> dict[str, str]:
    """Variables of libpq, which psycopg 2 and 3 use; empty if the URL contains the limits.

    https://www.postgresql.org/docs/17/libpq-envars.html

    Args:
        database: the source of the URL.
    """
    if CLIENT_URL not in database.references:
        return {}
    return {
        "PGSERVICEFILE": f"{SCRIPTS_DIRECTORY}/{PACKAGE}/{SERVICE_FILE}",
        "PGSERVICE": _SERVICE,
        # psycopg 3 implements the connection timeout itself and does not read the file.
        "PGCONNECT_TIMEOUT": str(_CONNECT_SECONDS),
    }
