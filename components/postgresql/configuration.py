"""The server's configuration files as text."""

from collections.abc import Sequence

from .archive.server_parameters import archive_parameters
from .lost_clients import LOST_CLIENTS
from .settings import PostgreSQLSettings

DATA_VOLUME = "/var/lib/postgresql/data"
DATA_DIRECTORY = f"{DATA_VOLUME}/pgdata"  # not the volume itself: a file system's lost+found stops initdb
SOCKET_DIRECTORY = "/var/run/postgresql"
CONFIGURATION_DIRECTORY = "/etc/postgresql"
HBA_FILE = f"{CONFIGURATION_DIRECTORY}/pg_hba.conf"
CONFIG_FILE = f"{CONFIGURATION_DIRECTORY}/postgresql.conf"
TLS_DIRECTORY = "/etc/postgresql-tls"
"""Certificate, private key and certificate authority."""


def postgresql_conf(settings: PostgreSQLSettings) -> str:
    """postgresql.conf: where things are, what follows from the limits, and how much is logged."""
    tuning = "\n".join(f"{name} = {value}" for name, value in settings.tuning().items())
    lost_clients = "\n".join(f"{name} = {value}" for name, value in LOST_CLIENTS.items())
    archiving = "".join(f"{name} = {value}\n" for name, value in archive_parameters(settings.archive).items())
    return f"""\
data_directory = '{DATA_DIRECTORY}'
hba_file = '{HBA_FILE}'
ident_file = '{DATA_DIRECTORY}/pg_ident.conf'
unix_socket_directories = '{SOCKET_DIRECTORY}'
listen_addresses = '*'
port = 5432
password_encryption = 'scram-sha-256'
{_tls(settings)}
# Derived from the container's limits and postgresql.maxConnections.
{tuning}
# A lost node must not keep sessions, with their locks, for hours.
{lost_clients}
# POSIX shared memory is a volume of known size; parallel queries and index builds take theirs from it.
dynamic_shared_memory_type = 'posix'

wal_compression = on
checkpoint_completion_target = 0.9
# Network volumes and solid state disks seek for nothing.
random_page_cost = 1.1

{archiving}# The container's log is collected by the node. Statements are not logged: they hold chats.
logging_collector = off
log_destination = 'stderr'
log_statement = 'none'
log_min_duration_statement = -1
log_min_error_statement = panic
log_checkpoints = on
log_lock_waits = on
log_timezone = 'UTC'
timezone = 'UTC'
"""


def _tls(settings: PostgreSQLSettings) -> str:
    """Directives of TLS; empty without it. The server reads renewed files when it is told to (load-certificate.sh)."""
    if not settings.tls.enabled:
        return ""
    return f"""\
ssl = on
ssl_cert_file = '{TLS_DIRECTORY}/tls.crt'
ssl_key_file = '{TLS_DIRECTORY}/tls.key'
ssl_min_protocol_version = 'TLSv1.2'
"""


def pg_hba_conf(database: str, users: Sequence[str], *, tls: bool, exporter: str | None = None) -> str:
    """pg_hba.conf: over the network the roles of the stack, each by its name, to one database; the superuser only from
    inside the pod.

    Args:
        database: the application's database.
        users: roles that may connect to it with a password.
        tls: whether connections over the network have to use TLS.
        exporter: role that needs no password on the loopback interface, which only containers of the pod have. It may
            read statistics and nothing else.
    """
    kind = "hostssl" if tls else "host   "
    network = "".join(f"{kind} {database}  {user:<15}  all      scram-sha-256\n" for user in users)
    lines = f"""\
# TYPE  DATABASE      USER             ADDRESS  METHOD
local   all           all                       trust
{network}"""
    return f"{lines}host    {database}  {exporter}  127.0.0.1/32  trust\n" if exporter else lines
