"""TLS settings of a server of the stack and its clients. Free of Pulumi."""

from collections.abc import Iterator, Sequence
from typing import ClassVar

from pydantic import Field

from .base_settings import Fix, Problem, Settings
from .custom_kinds import CERTIFICATE, KindsNeeded
from .issuer import IssuerSettings
from .names import ObjectName
from .needed_objects import NeededObject

TLS_KEYS = ("tls.crt", "tls.key", "ca.crt")
"""Keys of a Secret with the certificate of a server, its private key, and the certificate of the authority."""


class ServerTlsSettings(Settings):
    """The certificate of a server: an existing Secret, or one from cert-manager. With neither there is no TLS."""

    GENERATED_SECRET: ClassVar[str]
    """Secret that cert-manager writes."""

    secret_name: ObjectName | None = Field(
        None, description="Existing Secret in the stack's namespace with `tls.crt`, `tls.key` and `ca.crt`."
    )
    issuer: IssuerSettings = Field(
        IssuerSettings(), description="An issuer of cert-manager, instead of an existing Secret."
    )

    @property
    def enabled(self) -> bool:
        """Whether TLS is on. Then there is no port without it."""
        return self.secret_name is not None or self.issuer.name is not None

    @property
    def secret(self) -> str:
        """Secret with the certificate."""
        return self.secret_name or self.GENERATED_SECRET

    def problems(self) -> Iterator[Problem]:
        if self.secret_name and self.issuer.name:
            yield Problem(
                keys=("secretName", "issuer.name"),
                message="secretName and issuer.name: there would be two certificates",
                allowed="one of them",
                fix=Fix.REMOVE,
            )

    def kinds_needed(self, key: str) -> Iterator[KindsNeeded]:
        """The kind of cert-manager, when there is an issuer.

        Args:
            key: these settings, as the user writes them: ``redis.tls``.
        """
        if self.issuer.name:
            yield KindsNeeded(key=f"{key}.issuer.name", value=self.issuer.name, off="", kinds=(CERTIFICATE,))

    def objects_needed(self, key: str) -> Iterator[NeededObject]:
        """The existing Secret. cert-manager creates the Secret of an issuer later.

        Args:
            key: these settings, as the user writes them: ``redis.tls``.
        """
        if self.secret_name:
            yield NeededObject(key=f"{key}.secretName", name=self.secret_name, entries=TLS_KEYS)


def host_names(hosts: Sequence[str], namespace: str) -> list[str]:
    """Names in a certificate: every name by which a client may connect.

    Args:
        hosts: the names without the namespace.
        namespace: namespace of the servers.
    """
    suffixes = ("", f".{namespace}", f".{namespace}.svc", f".{namespace}.svc.cluster.local")
    return [f"{host}{suffix}" for host in hosts for suffix in suffixes] + ["localhost"]
