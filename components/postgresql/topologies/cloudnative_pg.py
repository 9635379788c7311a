"""A cluster of the operator CloudNativePG: one primary, replicas that are promoted, the volumes of each."""

from collections.abc import Iterator
from typing import ClassVar

from pydantic.alias_generators import to_camel

from ...blocks.authority import Authority
from ...blocks.base_settings import Fix, Problem
from ...blocks.custom_kinds import CNPG_CLUSTER, CNPG_DATABASE, CNPG_POOLER, POD_MONITOR, KindsNeeded
from ...blocks.footprint import Footprint, Pods
from ...blocks.monitoring import MonitoringSettings
from ..archive.settings import not_standalone
from ..cloudnative_pg.names import AUTHORITY_SECRET, POOLER
from ..cloudnative_pg.settings import pooler_resources
from ..names import SERVICE
from .authority import authority
from .base import KEY, Topology
from .sizes import size_problems

RESERVED_CONNECTIONS = 10
"""Connections that clients do not get: those reserved for the superuser (3), and those of the instance manager."""

_MANAGER = 96
"""MiB that are left to the instance manager, which runs in the container of the server."""

# Those that a `Cluster` has no field for.
_UNUSED_POD_KEYS = (
    *("runtimeClassName", "hostAliases", "fixedUid"),
    *("extraVolumes", "extraVolumeMounts", "extraInitContainers", "extraContainers"),
)


class CloudNativePG(Topology):
    """The operator runs the servers. The stack says what they have to be."""

    name: ClassVar[str] = "cloudnative-pg"
    unused_section: ClassVar[str] = "no operator runs PostgreSQL"
    other_programs: ClassVar[int] = _MANAGER

    def problems(self) -> Iterator[Problem]:
        yield from super().problems()
        if self.settings.archive.enabled:
            yield not_standalone(self.name)
        yield from size_problems(self.settings)
        set_keys = {to_camel(name) for name in self.settings.pods.model_fields_set}
        for key in _UNUSED_POD_KEYS:
            if key in set_keys:
                yield Problem(
                    keys=(f"pods.{key}", KEY),
                    message=f"pods.{key} has no effect with {KEY} {self.name}: a Cluster has no field for it",
                    allowed=f"{KEY}: standalone, or no pods.{key}",
                    fix=Fix.REMOVE,
                )

    @property
    def volume_size(self) -> str:
        return self.settings.storage.size

    @property
    def host(self) -> str:
        """Service that the clients connect to."""
        return POOLER if self.settings.cloudnative_pg.pooler.enabled else SERVICE

    def connections_needed(self, of_clients: int) -> int:
        pooler = self.settings.cloudnative_pg.pooler
        return of_clients * (pooler.instances if pooler.enabled else 1) + RESERVED_CONNECTIONS

    @property
    def pool_size(self) -> int:
        """Connections of one PgBouncer to the server. All of them together never exceed those that it accepts."""
        of_clients = self.settings.max_connections - RESERVED_CONNECTIONS
        return of_clients // self.settings.cloudnative_pg.pooler.instances

    def footprint(self, _monitoring: MonitoringSettings) -> Footprint:
        own, pooler = self.settings.cloudnative_pg, self.settings.cloudnative_pg.pooler
        # A Job prepares the volume of one instance more, while the others run.
        instances = Pods(count=own.instances + 1, containers=(self.settings.container_resources(),))
        poolers = Pods(count=pooler.instances + 1, containers=(pooler_resources(),))
        return Footprint(pods=(instances, poolers) if pooler.enabled else (instances,), volumes=own.instances + 1)

    def kinds_needed(self, monitoring: MonitoringSettings) -> Iterator[KindsNeeded]:
        yield KindsNeeded(
            key="postgresql.topology", value=self.name, off="standalone", kinds=(CNPG_CLUSTER, CNPG_DATABASE)
        )
        if self.settings.cloudnative_pg.pooler.enabled:
            yield KindsNeeded(
                key="postgresql.cloudnativePg.pooler.enabled", value="true", off="false", kinds=(CNPG_POOLER,)
            )
        if monitoring.operator:
            yield KindsNeeded(key="monitoring.operator", value="true", off="false", kinds=(POD_MONITOR,))

    @property
    def authority(self) -> Authority:
        return authority(AUTHORITY_SECRET)
