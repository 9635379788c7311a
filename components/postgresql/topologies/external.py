"""An existing PostgreSQL: the stack deploys no server and connects Open WebUI to it."""

from collections.abc import Iterator
from typing import ClassVar

from ...blocks.authority import Authority
from ...blocks.base_settings import Problem
from ...blocks.custom_kinds import KindsNeeded
from ...blocks.destinations import Destination
from ...blocks.footprint import Footprint
from ...blocks.monitoring import MonitoringSettings
from ...blocks.topology_sections import KEY
from ..archive.settings import not_standalone
from ..names import AUTHORITY_SECRET
from ..pooler.sizes import pooler_pods
from .authority import authority, authority_variables
from .base import Topology

URL = "databaseUrl"
"""Secret config key with the URL."""


class External(Topology):
    """The server of another team or of a cloud service. Its URL is a secret of the config."""

    name: ClassVar[str] = "external"
    unused_section: ClassVar[str] = "the stack deploys PostgreSQL"

    def problems(self) -> Iterator[Problem]:
        yield from super().problems()
        if self.settings.archive.enabled:
            yield not_standalone(self.name)
        if not self.settings.external.hosts:
            yield Problem(
                keys=("external.hosts", "external", KEY),
                message=f"{KEY} {self.name} without external.hosts: no network policy rule would lead to the server",
                allowed="names or addresses of its servers, with commas",
                fix="postgres.example.com",
            )

    @property
    def unused(self) -> tuple[str, ...]:
        # The certificate is then that of PgBouncer.
        return tuple(key for key in self.unused_keys if key != "tls" or not self.settings.pooler.enabled)

    def footprint(self, monitoring: MonitoringSettings) -> Footprint:
        watches_files = self.settings.tls.enabled or self.authority is not None
        return Footprint(pods=pooler_pods(self.settings, monitoring, watches_files=watches_files))

    def kinds_needed(self, monitoring: MonitoringSettings) -> Iterator[KindsNeeded]:
        if self.settings.pooler.enabled:
            yield from self.settings.tls.kinds_needed("postgresql.tls")
            yield from monitoring.kinds_needed()

    @property
    def authority(self) -> Authority | None:
        external = self.settings.external
        return authority(external.certificate_authority_secret or AUTHORITY_SECRET) if external.has_authority else None

    def client_variables(self, *, by_reference: bool) -> dict[str, str]:
        """Variables of the clients, beside the URL.

        Args:
            by_reference: whether the URL is in a Secret that the stack does not own.
        """
        # Open WebUI starts without the extension, and fails at the first document.
        verify = authority_variables(self.authority) if by_reference and self.authority else {}
        return {"DATABASE_REQUIRES_VECTOR": "true", **verify}

    @property
    def destinations(self) -> list[Destination]:
        """The servers that the clients connect to."""
        return [destination for _, destination in self.settings.external.destinations]
