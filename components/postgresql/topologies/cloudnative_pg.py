"""A cluster of the operator CloudNativePG: one primary, replicas that are promoted, the volumes of each."""

from collections.abc import Iterator, Sequence
from typing import ClassVar

from pydantic.alias_generators import to_camel

from ...blocks.authority import Authority
from ...blocks.base_settings import Fix, Problem, Settings
from ...blocks.custom_kinds import (
    BARMAN_OBJECT_STORE,
    CNPG_CLUSTER,
    CNPG_DATABASE,
    CNPG_POOLER,
    CNPG_SCHEDULED_BACKUP,
    POD_MONITOR,
    PROMETHEUS_RULE,
    KindsNeeded,
)
from ...blocks.footprint import Footprint, Pods
from ...blocks.image_versions import postgresql_major
from ...blocks.monitoring import MonitoringSettings
from ...blocks.topology_sections import KEY
from ..archive.settings import archive_resources
from ..cloudnative_pg.names import AUTHORITY_SECRET
from ..cloudnative_pg.settings import pooler_resources
from .authority import authority
from .base import Topology
from .sizes import size_problems

_MANAGER = 96
"""MiB for the instance manager, which runs in the container of the server."""

# Those that a `Cluster` has no field for.
_UNUSED_POD_KEYS = (
    *("runtimeClassName", "hostAliases", "fixedUid"),
    *("extraVolumes", "extraVolumeMounts", "extraInitContainers", "extraContainers"),
)
_UNUSED_POOLER_KEYS = ("image", "exporterImage")
# The plugin's own image runs beside the server. It drops no segment, because the operator has no such limit.
_UNUSED_ARCHIVE_KEYS = ("image", "pendingLimit")


class CloudNativePG(Topology):
    """The operator runs the servers, as the objects of the stack specify."""

    name: ClassVar[str] = "cloudnative-pg"
    unused_section: ClassVar[str] = "no operator runs PostgreSQL"
    unused_keys: ClassVar[tuple[str, ...]] = ("tls", "upgrade")
    # Those of the superuser (3), and those of the instance manager.
    reserved_connections: ClassVar[int] = 10
    other_programs: ClassVar[int] = _MANAGER

    def problems(self) -> Iterator[Problem]:
        yield from super().problems()
        yield from size_problems(self.settings)
        yield from self._archive_problems()
        yield from self._unused(
            "pooler", self.settings.pooler, _UNUSED_POOLER_KEYS, "the operator has an image of its own"
        )
        yield from self._unused("pods", self.settings.pods, _UNUSED_POD_KEYS, "a Cluster has no field for it")

    def _unused(self, section: str, settings: Settings, keys: Sequence[str], reason: str) -> Iterator[Problem]:
        """Problems of keys of a section that are set, and have no effect in this topology."""
        set_keys = {to_camel(name) for name in settings.model_fields_set}
        for key in keys:
            if key in set_keys:
                yield Problem(
                    keys=(f"{section}.{key}", KEY),
                    message=f"{section}.{key} has no effect with {KEY} {self.name}: {reason}",
                    allowed=f"{KEY}: standalone, or no {section}.{key}",
                    fix=Fix.REMOVE,
                )

    def _archive_problems(self) -> Iterator[Problem]:
        archive, own = self.settings.archive, self.settings.cloudnative_pg
        yield from archive.bucket_problems()
        yield from self._unused("archive", archive, _UNUSED_ARCHIVE_KEYS, "the plugin archives the log")
        if archive.s3.addressing_style != "auto":
            yield Problem(
                keys=("archive.s3.addressingStyle", KEY),
                message=f"archive.s3.addressingStyle {archive.s3.addressing_style} with {KEY} {self.name}: the plugin "
                "does not pass it on to every program",
                allowed="auto",
                fix="auto",
            )
        needing = {"archiveName": "archive_name" in own.model_fields_set, "recovery": own.recovery.archive_name}
        for key, is_set in needing.items():
            if is_set and not archive.enabled:
                yield Problem(
                    keys=(f"cloudnativePg.{key}", "archive.enabled"),
                    message=f"cloudnativePg.{key} without archive.enabled: there is no bucket",
                    allowed=f"archive.enabled: true with its bucket, or no cloudnativePg.{key}",
                    fix=Fix.REMOVE,
                )
        if own.recovery.archive_name == own.archive_name:
            yield Problem(
                keys=("cloudnativePg.archiveName", "cloudnativePg.recovery.archiveName"),
                message=f"cloudnativePg.archiveName {own.archive_name} is the archive that the cluster is created "
                "from: the operator refuses to write into an archive that is not empty",
                allowed="another name",
                fix=f"{own.archive_name}-2",
            )

    def backup_problems(self) -> Iterator[Problem]:
        """Dumps are made and proved by `postgresql.image`, which is not that of the servers."""
        own = postgresql_major(self.settings.image)
        needed = postgresql_major(self.settings.cloudnative_pg.image)
        if own and needed and own != needed:
            yield Problem(
                keys=("postgresql.image", "postgresql.cloudnativePg.image", "backup.enabled"),
                message=f"postgresql.image has PostgreSQL {own}, and postgresql.cloudnativePg.image has {needed}: the "
                "backups run the first one, and a dump is made and proved by the major version of the server",
                allowed=f"an image of PostgreSQL {needed} with pgvector, or backup.enabled: false",
                fix=f"pgvector/pgvector:pg{needed}",
            )

    @property
    def volume_size(self) -> str:
        return self.settings.storage.size

    def footprint(self, _monitoring: MonitoringSettings) -> Footprint:
        own, pooler = self.settings.cloudnative_pg, self.settings.pooler
        archive = (archive_resources(),) if self.settings.archive.enabled else ()
        # A Job prepares the volume of an additional instance while the others run.
        instances = Pods(count=own.instances + 1, containers=(self.settings.container_resources(), *archive))
        poolers = Pods(count=pooler.instances + 1, containers=(pooler_resources(),))
        return Footprint(pods=(instances, poolers) if pooler.enabled else (instances,), volumes=own.instances + 1)

    def kinds_needed(self, monitoring: MonitoringSettings) -> Iterator[KindsNeeded]:
        yield KindsNeeded(
            key="postgresql.topology", value=self.name, off="standalone", kinds=(CNPG_CLUSTER, CNPG_DATABASE)
        )
        if self.settings.pooler.enabled:
            yield KindsNeeded(key="postgresql.pooler.enabled", value="true", off="false", kinds=(CNPG_POOLER,))
        if self.settings.archive.enabled:
            # A finding for each: two installations serve them.
            for kind in (CNPG_SCHEDULED_BACKUP, BARMAN_OBJECT_STORE):
                yield KindsNeeded(key="postgresql.archive.enabled", value="true", off="false", kinds=(kind,))
        if monitoring.operator:
            yield KindsNeeded(
                key="monitoring.operator", value="true", off="false", kinds=(POD_MONITOR, PROMETHEUS_RULE)
            )

    @property
    def authority(self) -> Authority:
        return authority(AUTHORITY_SECRET)
