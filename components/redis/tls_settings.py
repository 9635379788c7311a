"""TLS settings of Redis and its clients."""

from typing import ClassVar

from pydantic import Field

from ..blocks.names import ObjectName
from ..blocks.server_tls import ServerTlsSettings
from .server.places import AUTHORITY


class RedisTlsSettings(ServerTlsSettings):
    """`redis.tls` in the stack's config."""

    GENERATED_SECRET: ClassVar[str] = "redis-tls"

    secret_name: ObjectName | None = Field(
        None,
        description="Existing Secret in the stack's namespace with `tls.crt`, `tls.key` and `ca.crt`. The certificate "
        "is for `redis-service`, with a cluster for `redis-0.redis-nodes` and so on too.",
    )

    @property
    def client_options(self) -> str:
        """Options of the engine's client for any server; empty without TLS."""
        return f"--tls --cacert {AUTHORITY}" if self.enabled else ""

    @property
    def own_client_options(self) -> str:
        """Options of the engine's client for the server of its own pod; empty without TLS.

        The certificate is not verified, because no other process listens on the loopback address, and because a server
        with an expired certificate is alive and must be able to load a new one.
        """
        return "--tls --insecure" if self.enabled else ""
