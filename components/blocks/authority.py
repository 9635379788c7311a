"""The certificate authority of a server, as its clients mount it. Free of Pulumi."""

from collections.abc import Iterator
from dataclasses import dataclass

from .base_settings import Fix, Problem
from .needed_objects import NeededObject

KEY = "ca.crt"
"""Key of the Secret, and name of the file."""


@dataclass(frozen=True, kw_only=True)
class Authority:
    """The certificate authority of a server."""

    server: str
    """The name of the server in the names of the clients' volume and directory: ``redis``."""

    secret: str
    """Secret with the authority's certificates."""

    @property
    def volume(self) -> str:
        """Name of the volume in the pods of the clients."""
        return f"{self.server}-ca"

    @property
    def directory(self) -> str:
        """Where the volume is mounted."""
        return f"/etc/{self.server}-ca"

    @property
    def file(self) -> str:
        """The file with the certificates, as URLs name it."""
        return f"{self.directory}/{KEY}"


def authority_problems(pem: str | None, secret: str | None) -> Iterator[Problem]:
    """Problems of the authority of an external server.

    Args:
        pem: `certificateAuthority`.
        secret: `certificateAuthoritySecret`.
    """
    if pem and secret:
        yield Problem(
            keys=("certificateAuthoritySecret", "certificateAuthority"),
            message="certificateAuthoritySecret and certificateAuthority: clients read one file",
            allowed="one of them",
            fix=Fix.REMOVE,
        )
    if pem and "-----BEGIN CERTIFICATE-----" not in pem:
        yield Problem(
            keys=("certificateAuthority",),
            message="certificateAuthority is not a certificate in PEM",
            allowed="text with -----BEGIN CERTIFICATE-----",
            fix=Fix.REMOVE,
        )


def authority_objects(secret: str | None, key: str) -> Iterator[NeededObject]:
    """The existing Secret with the authority of an external server.

    Args:
        secret: `certificateAuthoritySecret`.
        key: the settings that have it, as the user writes them: ``redis.external``.
    """
    if secret:
        yield NeededObject(key=f"{key}.certificateAuthoritySecret", name=secret, entries=(KEY,))
