"""Settings of an external Redis."""

from collections.abc import Iterator

from pydantic import Field

from ..blocks.authority import authority_problems
from ..blocks.base_settings import Fix, Problem, Settings
from ..blocks.destinations import Destination
from ..blocks.names import HostList, ObjectName, hosts_in
from ..blocks.topology_sections import KEY
from .topologies.clients import Kind
from .topologies.names import belongs_to_install


class RedisExternalSettings(Settings):
    """An existing Redis. Its URLs are the secrets `redisCacheUrl` and `redisWebsocketUrl`."""

    kind: Kind | None = Field(
        None,
        description="Kind of it: `standalone`, `sentinel`, or `cluster` (Redis Cluster: `hosts` names every address "
        "that its servers announce; both URLs have database 0). Default: `sentinel` with `sentinelHosts`, else "
        "`standalone`.",
    )
    hosts: HostList = Field(
        "",
        description="Names or addresses of its servers, separated by commas. The network policy allows them. "
        "Required. A name outside the cluster allows public addresses only; for a private network, use "
        "addresses here or in `openWebui.egress`.",
    )
    port: int = Field(6379, ge=1, le=65535, description="Port of its servers.")
    sentinel_hosts: HostList = Field(
        "",
        description="Its Sentinels, separated by commas. The host of the URLs is then the name of the service "
        "that the Sentinels monitor.",
    )
    sentinel_port: int = Field(26379, ge=1, le=65535, description="Port of its Sentinels.")
    certificate_authority: str | None = Field(
        None,
        min_length=1,
        description="Certificates of its certificate authority in PEM, for `rediss://` URLs. Default: the "
        "authorities of the image.",
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
        servers = ("redis.external.hosts", self.hosts, self.port)
        sentinels = ("redis.external.sentinelHosts", self.sentinel_hosts, self.sentinel_port)
        return [
            (key, Destination(host=host.removesuffix("."), port=port, scheme="redis"))
            for key, hosts, port in (servers, sentinels)
            for host in hosts_in(hosts)
        ]

    @property
    def resolved_kind(self) -> Kind:
        """`kind`, or what follows from the Sentinels."""
        return self.kind or ("sentinel" if self.sentinel_hosts else "standalone")

    def problems(self) -> Iterator[Problem]:
        if (self.resolved_kind == "sentinel") != bool(self.sentinel_hosts):
            yield Problem(
                keys=("kind", "sentinelHosts"),
                message=f"kind {self.resolved_kind} "
                + ("with sentinelHosts: nothing would ask them" if self.sentinel_hosts else "without sentinelHosts"),
                allowed="kind sentinel with sentinelHosts, or another kind without",
                fix="sentinel" if self.sentinel_hosts else "standalone",
            )
        yield from authority_problems(self.certificate_authority, self.certificate_authority_secret)
        if self.has_authority and self.sentinel_hosts:
            key = "certificateAuthority" if self.certificate_authority else "certificateAuthoritySecret"
            yield Problem(
                keys=(key, "sentinelHosts"),
                message=f"{key} with sentinelHosts: Open WebUI would connect without TLS, silently",
                allowed="TLS without Sentinels, or Sentinels without TLS",
                fix=Fix.REMOVE,
            )

    def shared_problems(self) -> Iterator[Problem]:
        """Hosts that may be the Redis of another installation, with whole keys."""
        for key, hosts in (("hosts", self.hosts), ("sentinelHosts", self.sentinel_hosts)):
            others = [host for host in hosts_in(hosts) if not belongs_to_install(host)]
            for host in filter(belongs_to_install, hosts_in(hosts)):
                yield Problem(
                    keys=(f"redis.external.{key}",),
                    message=f"{host} is what every install calls its own Redis: two installs on one Redis send each "
                    "other their events, whatever the database",
                    allowed=f"a Redis of its own for each install: {KEY} standalone, sentinel or cluster, or another "
                    "host",
                    fix=",".join(others) or "redis.example.com",
                )
