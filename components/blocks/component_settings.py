"""What the settings of every component declare for the stack that sums it up."""

from collections.abc import Iterator, Sequence

from pydantic import Field

from .base_settings import Settings
from .custom_kinds import KindsNeeded
from .extra_settings import ComponentPodSettings
from .footprint import Footprint, Pods
from .monitoring import MonitoringSettings
from .needed_objects import NeededObject


class ComponentSettings(Settings):
    """Settings of one component.

    The stack's settings find them by this class: the namespace's quota is the sum of the footprints, and the cluster is
    asked for the kinds before anything is registered.
    """

    pods: ComponentPodSettings = Field(
        ComponentPodSettings(),
        description="How the pods of this component fit into the cluster: the keys of `pods`, and `extraVolumes`, "
        "`extraVolumeMounts`, `extraInitContainers` and `extraContainers`.",
    )

    def footprint(self, monitoring: MonitoringSettings) -> Footprint:
        """The most that the component needs of the cluster; nothing for one that is switched off.

        The pods of its main workload come first.
        """
        raise NotImplementedError

    def whole_footprint(self, monitoring: MonitoringSettings) -> Footprint:
        """`footprint`, with the extra containers. They are in the pods that `footprint` names first."""
        footprint = self.footprint(monitoring)
        if not footprint.pods or not self.pods.extra_resources:
            return footprint
        main, *others = footprint.pods
        with_extras = Pods(count=main.count, containers=(*main.containers, *self.pods.extra_resources))
        return Footprint(pods=(with_extras, *others), volumes=footprint.volumes)

    @property
    def hosts_inside(self) -> Sequence[str]:
        """Hosts of the cluster that the pods connect to by HTTP: they are never behind a proxy."""
        return ()

    def kinds_needed(self, _monitoring: MonitoringSettings) -> Iterator[KindsNeeded]:
        """Custom kinds that the settings need in the cluster, by the key that asks for them."""
        yield from ()

    def objects_needed(self) -> Iterator[NeededObject]:
        """Secrets that the settings name, by the key that names them. Those of `pods` are not among them."""
        yield from ()
