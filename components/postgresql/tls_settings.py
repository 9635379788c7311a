"""TLS settings of PostgreSQL and its clients."""

from typing import ClassVar

from pydantic import Field

from ..blocks.names import ObjectName
from ..blocks.server_tls import ServerTlsSettings


class PostgreSQLTlsSettings(ServerTlsSettings):
    """`postgresql.tls` in the stack's config."""

    GENERATED_SECRET: ClassVar[str] = "postgresql-tls"

    secret_name: ObjectName | None = Field(
        None,
        description="Existing Secret in the stack's namespace with `tls.crt`, `tls.key` and `ca.crt`. The certificate "
        "is for `postgres`, with `pooler.enabled` also for `postgres-pooler`; with topology `external` for the latter "
        "alone.",
    )
