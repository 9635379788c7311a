"""The certificate authority of PostgreSQL in the URLs of its clients."""

from ...blocks.authority import Authority
from ...blocks.url_parameters import with_parameters


def authority(secret: str) -> Authority:
    """The authority in that Secret."""
    return Authority(server="postgresql", secret=secret)


def authority_variables(authority: Authority) -> dict[str, str]:
    """The same for a URL that the stack does not see, as variables of libpq. Parameters of the URL take precedence.

    https://www.postgresql.org/docs/17/libpq-envars.html
    """
    return {"PGSSLMODE": "verify-full", "PGSSLROOTCERT": authority.file}


def with_authority(url: str, authority: Authority) -> str:
    """The URL of a client that verifies the server's certificate and its name, unless the URL has another `sslmode`.

    https://www.postgresql.org/docs/17/libpq-ssl.html#LIBPQ-SSL-CERTIFICATES
    """
    return with_parameters(url, {"sslmode": "verify-full", "sslrootcert": authority.file})
