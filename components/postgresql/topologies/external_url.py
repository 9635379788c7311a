"""Checks the URL of an external PostgreSQL. It is a secret: no message quotes any part of it."""

from collections.abc import Iterator
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from ...blocks.names import hosts_in, none_can_be
from ...blocks.url_parameters import parameters_of
from ..external_settings import PostgreSQLExternalSettings
from ..pooler.configuration import SERVER_PARAMETERS

if TYPE_CHECKING:
    from ..settings import PostgreSQLSettings

_DEFAULT_PORT = 5432
# Those of libpq that make sense for the replicas. It refuses an unknown one, and every connection with it:
# https://www.postgresql.org/docs/17/libpq-connect.html#LIBPQ-PARAMKEYWORDS
PARAMETERS = frozenset(
    {
        *("connect_timeout", "keepalives", "keepalives_idle", "keepalives_interval", "keepalives_count"),
        *("tcp_user_timeout", "application_name", "options", "channel_binding", "gssencmode", "target_session_attrs"),
        *("sslmode", "sslrootcert", "sslcompression", "sslsni", "ssl_min_protocol_version", "ssl_max_protocol_version"),
    }
)


def url_errors(url: str, settings: "PostgreSQLSettings") -> Iterator[tuple[str, str]]:
    """The errors in the URL, and the allowed values. Never quotes a part of the URL.

    Args:
        url: the value of ``databaseUrl``.
        settings: settings of PostgreSQL; `external` is the server that it leads to.
    """
    external = settings.external
    try:
        parts = urlsplit(url)
        port = parts.port or _DEFAULT_PORT
    except ValueError:
        yield "it is not a URL", "postgresql://user:password@host:port/database"
        return
    if parts.scheme not in ("postgresql", "postgres"):
        yield "its scheme is not that of PostgreSQL", "postgresql://"
        return
    if not parts.hostname:
        yield "it has no host", "postgresql://user:password@host:port/database"
        return
    if none_can_be(parts.hostname, hosts_in(external.hosts)):
        yield (
            "its host is not in postgresql.external.hosts: no network policy rule would lead to it",
            "a host of that list",
        )
    if port != external.port:
        yield (
            "its port is not postgresql.external.port: no network policy rule would lead to it",
            f"port {external.port}",
        )
    if not parts.username:
        yield "it has no user", "postgresql://user:password@host:port/database"
    if not parts.path.strip("/") or "/" in parts.path.strip("/"):
        yield "its path is not the name of a database", "/ and the name of the database"
    if parts.fragment or not parameters_of(url).keys() <= PARAMETERS:
        yield (
            "it has a fragment, or a parameter that is not one of a replica's connection",
            f"parameters {', '.join(sorted(PARAMETERS))}",
        )
    if parameters_of(url).get("sslrootcert") == "system":
        yield (
            "its sslrootcert is system: the libpq of Open WebUI's image finds no authorities there",
            "sslrootcert=/etc/ssl/certs/ca-certificates.crt, or postgresql.external.certificateAuthority",
        )
    if settings.pooler.enabled:
        yield from _pooler_errors(url, external)


def _pooler_errors(url: str, external: PostgreSQLExternalSettings) -> Iterator[tuple[str, str]]:
    """The parts of a URL that PgBouncer, which does not use libpq, cannot support."""
    parameters = parameters_of(url)
    if not parameters.keys() <= SERVER_PARAMETERS and parameters.keys() <= PARAMETERS:
        yield (
            "it has a parameter that PgBouncer does not know (postgresql.pooler.enabled)",
            f"parameters {', '.join(sorted(SERVER_PARAMETERS))}",
        )
    if "\n" in unquote(url) or "\r" in unquote(url):
        yield "it has a line break, which a file of PgBouncer cannot have", "a URL without %0A and %0D"
    if (
        parameters.get("sslmode", "").startswith("verify")
        and "sslrootcert" not in parameters
        and not external.has_authority
    ):
        yield (
            "its sslmode verifies the certificate, and no authority is named",
            "sslrootcert=/etc/ssl/certs/ca-certificates.crt, or postgresql.external.certificateAuthority",
        )
