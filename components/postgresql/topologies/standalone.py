"""One server on one volume."""

from collections.abc import Iterator
from typing import ClassVar

from ...blocks.authority import Authority
from ...blocks.base_settings import Problem
from ...blocks.custom_kinds import KindsNeeded
from ...blocks.footprint import Footprint, Pods
from ...blocks.monitoring import MonitoringSettings, exporter_resources
from ..archive.settings import archive_resources
from ..certificate_resources import load_certificate_resources
from ..container_sizes import load_roles_resources
from ..pooler.sizes import pooler_pods
from ..upgrade_settings import upgrade_problems
from .authority import authority
from .base import Topology
from .sizes import size_problems


class Standalone(Topology):
    """The stack runs the server."""

    name: ClassVar[str] = "standalone"
    unused_keys: ClassVar[tuple[str, ...]] = ()

    def problems(self) -> Iterator[Problem]:
        yield from upgrade_problems(self.settings.image, self.settings.upgrade)
        yield from size_problems(self.settings)
        yield from self.settings.archive.bucket_problems()
        yield from self.settings.archive.pending_problems(self.settings.storage.size)

    @property
    def volume_size(self) -> str:
        return self.settings.storage.size

    def footprint(self, monitoring: MonitoringSettings) -> Footprint:
        sidecars = (
            load_roles_resources(),
            *((load_certificate_resources(),) if self.settings.tls.enabled else ()),
            *((exporter_resources(),) if monitoring.enabled else ()),
        )
        server, pooler = (
            self.settings.container_resources(),
            pooler_pods(self.settings, monitoring, watches_files=self.settings.tls.enabled),
        )
        if not self.settings.archive.enabled:
            return Footprint(pods=(Pods(count=1, containers=(server, *sidecars)), *pooler), volumes=1)
        archive = archive_resources()
        # A recovery has a pod of its own, and a drill a volume.
        pods = (
            Pods(count=1, containers=(server, *sidecars, archive)),
            Pods(count=1, containers=(server, archive)),
            *pooler,
        )
        return Footprint(pods=pods, volumes=2)

    def kinds_needed(self, monitoring: MonitoringSettings) -> Iterator[KindsNeeded]:
        yield from monitoring.kinds_needed()
        yield from self.settings.tls.kinds_needed("postgresql.tls")

    @property
    def authority(self) -> Authority | None:
        tls = self.settings.tls
        return authority(tls.secret) if tls.enabled else None
