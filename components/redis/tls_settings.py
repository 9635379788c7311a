"""Settings of TLS between Redis and everybody who connects to it."""

from collections.abc import Iterator

from pydantic import Field

from ..blocks.base_settings import Fix, Problem, Settings
from ..blocks.issuer import IssuerSettings
from ..blocks.names import ObjectName
from .server.places import AUTHORITY

GENERATED_SECRET = "redis-tls"
"""Secret that cert-manager writes."""


class RedisTlsSettings(Settings):
    """The certificate of the servers: one that is there, or one from cert-manager. With neither there is no TLS."""

    secret_name: ObjectName | None = Field(
        None,
        description="Existing Secret in the stack's namespace with `tls.crt`, `tls.key` and `ca.crt`. The certificate "
        "is for `redis-service`, with a cluster for `redis-0.redis-nodes` and so on too.",
    )
    issuer: IssuerSettings = Field(
        IssuerSettings(), description="An issuer of cert-manager, instead of an existing Secret."
    )

    @property
    def enabled(self) -> bool:
        """Whether there is TLS, and no port without it."""
        return self.secret_name is not None or self.issuer.name is not None

    @property
    def secret(self) -> str:
        """Secret with the certificate."""
        return self.secret_name or GENERATED_SECRET

    @property
    def client_options(self) -> str:
        """Options of the engine's client for any server; empty without TLS."""
        return f"--tls --cacert {AUTHORITY}" if self.enabled else ""

    @property
    def own_client_options(self) -> str:
        """Options of the engine's client for the server of its own pod; empty without TLS.

        At the loopback address nothing else answers, so that the certificate is not verified: a server that still has
        the previous one is alive, and has to be able to load the new one.
        """
        return "--tls --insecure" if self.enabled else ""

    def problems(self) -> Iterator[Problem]:
        if self.secret_name and self.issuer.name:
            yield Problem(
                keys=("secretName", "issuer.name"),
                message="secretName and issuer.name: there would be two certificates",
                allowed="one of them",
                fix=Fix.REMOVE,
            )
