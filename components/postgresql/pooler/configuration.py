"""PgBouncer's configuration files as text: https://www.pgbouncer.org/config.html"""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from ...blocks.url_parameters import parameters_of
from ..names import CLIENT_USERS, DATABASE, PORT
from .names import SERVER_FILE, USERS_FILE
from .settings import PoolMode

CONFIGURATION_DIRECTORY = "/etc/pgbouncer"
SECRET_DIRECTORY = "/run/secrets/pgbouncer"
SOCKET_DIRECTORY = "/var/run/pgbouncer"
TLS_DIRECTORY = "/etc/pgbouncer-tls"
CONFIG_FILE = "pgbouncer.ini"
HBA_FILE = "pg_hba.conf"
CONSOLE = "pgbouncer"
"""The database whose statements are those of PgBouncer itself."""

QUERY_WAIT_SECONDS = 30
"""How long a client waits for a connection to the server, until it gets an error instead of hanging."""

SERVER_IDLE_SECONDS = 60
"""How long a connection of ended sessions stays open. It keeps a place that another PgBouncer may need."""

PREPARED_STATEMENTS = 200
"""For each connection. With 0, transaction mode loses them."""

_DEFAULT_PORT = 5432

SERVER_PARAMETERS = frozenset(
    {
        *("sslmode", "sslrootcert", "application_name", "connect_timeout"),
        *("keepalives", "keepalives_idle", "keepalives_interval", "keepalives_count", "tcp_user_timeout"),
    }
)
"""Parameters of a URL that PgBouncer follows, or that are about its clients alone."""


@dataclass(frozen=True, kw_only=True)
class PoolerSizes:
    """What the files say about connections."""

    mode: PoolMode
    clients: int
    """``max_client_conn``."""

    pool: int
    """Connections to the server."""


def pgbouncer_ini(sizes: PoolerSizes, *, tls: bool, exporter: str | None = None) -> str:
    """pgbouncer.ini: everything but the server and the users, which are in a Secret.

    Args:
        sizes: number of connections, and when they are given back.
        tls: whether clients have to use TLS.
        exporter: user that reads statistics, as `pg_hba_conf` admits it. None: there is no exporter.
    """
    return f"""\
[pgbouncer]
listen_addr = *
listen_port = {PORT}
unix_socket_dir = {SOCKET_DIRECTORY}
logfile =
pidfile =

{_authentication(exporter)}\
auth_file = {SECRET_DIRECTORY}/{USERS_FILE}
# The console is for the user of the process, by the socket in the pod.
admin_users = pgbouncer
{_client_tls() if tls else ""}
pool_mode = {sizes.mode}
max_client_conn = {sizes.clients}
default_pool_size = {sizes.pool}
# A pool is of one role: during a rotation the application has two.
max_db_connections = {sizes.pool}
max_prepared_statements = {PREPARED_STATEMENTS}

# Clients fail instead of hanging, and a server that is back gets its connections at once.
query_wait_timeout = {QUERY_WAIT_SECONDS}
server_login_retry = 1
server_connect_timeout = 5
server_idle_timeout = {SERVER_IDLE_SECONDS}
# A peer that disappeared without closing the connection is noticed within half a minute.
tcp_keepalive = 1
tcp_keepidle = 10
tcp_keepintvl = 5
tcp_keepcnt = 3
tcp_user_timeout = 15000

log_connections = 0
log_disconnections = 0
log_stats = 0

%include {SECRET_DIRECTORY}/{SERVER_FILE}
"""


def _authentication(exporter: str | None) -> str:
    if not exporter:
        return "auth_type = scram-sha-256\n"
    return f"""\
auth_type = hba
auth_hba_file = {CONFIGURATION_DIRECTORY}/{HBA_FILE}
# May read statistics, and change nothing.
stats_users = {exporter}
"""


def pg_hba_conf(exporter: str) -> str:
    """pg_hba.conf: each user by its name, to one database.

    Args:
        exporter: user that needs no password on the loopback interface, which only containers of the pod have, and
            reaches the console alone.
    """
    network = "".join(f"host  {DATABASE}  {user}  all           scram-sha-256\n" for user in CLIENT_USERS)
    return f"""\
# TYPE  DATABASE  USER  ADDRESS  METHOD
{network}\
host  {CONSOLE}    {exporter}        127.0.0.1/32  trust
"""


def _client_tls() -> str:
    return f"""\
client_tls_sslmode = require
client_tls_cert_file = {TLS_DIRECTORY}/tls.crt
client_tls_key_file = {TLS_DIRECTORY}/tls.key
"""


def own_server_ini(host: str, authority_file: str | None) -> str:
    """server.ini for a server of the stack. Each client logs in there as itself, by the keys of its own login.

    Args:
        host: Service of the server.
        authority_file: certificates of the server's authority; None without TLS.
    """
    tls = _server_tls("verify-full" if authority_file else "disable", authority_file)
    return tls + _database(host=host, port=PORT, dbname=DATABASE)


def external_server_ini(url: str) -> str:
    """server.ini for the server of a URL, as which user and with which password every client gets there.

    Args:
        url: of libpq, with ``sslmode`` and ``sslrootcert`` where a file of the pod has the server's authority.
    """
    parts, parameters = urlsplit(url), parameters_of(url)
    login = {"user": unquote(parts.username or "")}
    if parts.password:
        login["password"] = unquote(parts.password)
    database = _database(
        host=parts.hostname or "",
        port=parts.port or _DEFAULT_PORT,
        dbname=unquote(parts.path.strip("/")),
        **login,
    )
    mode, authority_file = parameters.get("sslmode", "prefer"), parameters.get("sslrootcert")
    # As libpq does: https://www.postgresql.org/docs/17/libpq-ssl.html#LIBPQ-SSL-CERTIFICATES
    if mode == "require" and authority_file:
        mode = "verify-ca"
    return _server_tls(mode, authority_file) + database


def user_list(secrets: Mapping[str, str], exporter: str | None = None) -> str:
    """userlist.txt: who may log in to PgBouncer.

    Args:
        secrets: SCRAM verifier by user for `own_server_ini`; password by user for `external_server_ini`. With verifiers
            PgBouncer would log in to the server with the keys of the client also where server.ini has a password.
        exporter: user without a password, whom `pg_hba_conf` admits.
    """
    # PgBouncer refuses a user that is not in the list, also where its pg_hba.conf asks for no password.
    without = {exporter: ""} if exporter else {}
    return "".join(f'"{user}" "{secret}"\n' for user, secret in {**secrets, **without}.items())


def _database(**parameters: str | int) -> str:
    values = " ".join(f"{name}={_quoted(str(value))}" for name, value in parameters.items())
    return f"\n[databases]\n{DATABASE} = {values}\n"


def _quoted(value: str) -> str:
    doubled = value.replace("'", "''")
    return f"'{doubled}'"


def _server_tls(mode: str, authority_file: str | None) -> str:
    authority = f"server_tls_ca_file = {authority_file}\n" if authority_file else ""
    # Still in the section of pgbouncer.ini: another line [pgbouncer] would set everything before it to its default.
    return f"server_tls_sslmode = {mode}\n{authority}"
