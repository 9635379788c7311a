"""Settings of an external PostgreSQL."""

from collections.abc import Iterator

from pydantic import Field

from ..blocks.authority import authority_problems
from ..blocks.base_settings import Problem, Settings
from ..blocks.destinations import Destination
from ..blocks.names import HostList, ObjectName, hosts_in


class PostgreSQLExternalSettings(Settings):
    """An existing PostgreSQL with pgvector. Its URL is the secret `databaseUrl`."""

    hosts: HostList = Field(
        "",
        description="Names or addresses of its servers, separated by commas. The network policy allows them. "
        "Required. A name outside the cluster allows public addresses only; for a private network, use "
        "addresses here or in `openWebui.egress`.",
    )
    port: int = Field(5432, ge=1, le=65535, description="Port of its servers.")
    certificate_authority: str | None = Field(
        None,
        min_length=1,
        description="Certificates in PEM of the authority that signs the server's certificate. Clients then verify the "
        "certificate and the name of the server (`sslmode=verify-full`), unless the URL has another `sslmode`. "
        "Default: the parameters of the URL.",
    )

    certificate_authority_secret: ObjectName | None = Field(
        None,
        description="Existing Secret in the stack's namespace with these certificates in `ca.crt`, instead of "
        "`certificateAuthority`.",
    )

    @property
    def has_authority(self) -> bool:
        """Whether the authority is known."""
        return bool(self.certificate_authority or self.certificate_authority_secret)

    @property
    def destinations(self) -> list[tuple[str, Destination]]:
        """Destinations of the web pods, each with its config key."""
        return [
            (
                "postgresql.external.hosts",
                Destination(host=host.removesuffix("."), port=self.port, scheme="postgresql"),
            )
            for host in hosts_in(self.hosts)
        ]

    def problems(self) -> Iterator[Problem]:
        yield from authority_problems(self.certificate_authority, self.certificate_authority_secret)
