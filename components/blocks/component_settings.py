"""The interface of the settings of every component."""

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

    The stack's settings find them by this class: the quota of the namespace is the sum of the footprints, and the
    program asks the cluster for the custom kinds before it registers anything.
    """

    pods: ComponentPodSettings = Field(
        ComponentPodSettings(),
        description="How the pods of this component fit into the cluster: the keys of `pods`, and `extraVolumes`, "
        "`extraVolumeMounts`, `extraInitContainers` and `extraContainers`.",
    )

    def footprint(self, monitoring: MonitoringSettings) -> Footprint:
        """The maximum that the component needs in the cluster; empty for a disabled component.

        The pods of its main workload come first.
        """
        raise NotImplementedError

    def whole_footprint(self, monitoring: MonitoringSettings) -> Footprint:
        """`footprint` with the extra containers, which are in the first pods of `footprint`."""
        footprint = self.footprint(monitoring)
        if not footprint.pods or not self.pods.extra_resources:
            return footprint
        main, *others = footprint.pods
        with_extras = Pods(count=main.count, containers=(*main.containers, *self.pods.extra_resources))
        return Footprint(pods=(with_extras, *others), volumes=footprint.volumes)

    @property
    def hosts_inside(self) -> Sequence[str]:
        """Hosts of the cluster that the pods connect to by HTTP, always without the proxy."""
        return ()

    def kinds_needed(self, _monitoring: MonitoringSettings) -> Iterator[KindsNeeded]:
        """Custom kinds that the settings need in the cluster, each with its config key."""
        yield from ()

    def objects_needed(self) -> Iterator[NeededObject]:
        """Secrets that the settings name, each with its config key. Those of `pods` are excluded."""
        yield from ()
