"""An existing Redis: the stack deploys no server and connects Open WebUI to it."""

from collections.abc import Iterator, Mapping
from typing import ClassVar

from ...blocks.authority import Authority
from ...blocks.base_settings import Problem
from ...blocks.destinations import Destination
from ...blocks.names import hosts_in
from ...blocks.topology_sections import KEY
from ..names import AUTHORITY_SECRET
from .authority import authority, with_authority
from .base import Topology
from .clients import client_variables

CACHE_URL = "redisCacheUrl"
WEBSOCKET_URL = "redisWebsocketUrl"


class External(Topology):
    """Servers that the stack does not manage. Their URLs are secrets of the config."""

    name: ClassVar[str] = "external"
    unused_section: ClassVar[str] = "Redis is deployed by the stack"
    tls_refused: ClassVar[str] = (
        "the stack does not configure an external Redis; give rediss:// URLs, and external.certificateAuthority"
    )

    def problems(self) -> Iterator[Problem]:
        if not self.settings.external.hosts:
            yield Problem(
                keys=("external.hosts", "external", KEY),
                message=f"{KEY} {self.name} without external.hosts: the network policy would not let anybody reach it",
                allowed="names or addresses of its servers, with commas",
                fix="redis.example.com",
            )
        if self.settings.durability != "none":
            yield Problem(
                keys=("durability", KEY),
                message=f"durability {self.settings.durability} with {KEY} {self.name}: the stack does not configure "
                "an external Redis",
                allowed=f"none, or another {KEY}",
                fix="none",
            )

    @property
    def client_variables(self) -> Mapping[str, str]:
        external = self.settings.external
        return client_variables(external.resolved_kind, hosts_in(external.sentinel_hosts), external.sentinel_port)

    @property
    def authority(self) -> Authority | None:
        external = self.settings.external
        return authority(external.certificate_authority_secret or AUTHORITY_SECRET) if external.has_authority else None

    def url(self, url: str) -> str:
        """URL for the clients, from the one in the config."""
        return with_authority(url, self.authority) if self.authority else url

    @property
    def destinations(self) -> list[Destination]:
        """Servers and Sentinels that the clients connect to."""
        return [destination for _, destination in self.settings.external.destinations]
