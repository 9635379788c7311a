"""What the settings of every component declare for the stack that sums it up."""

from collections.abc import Iterator

from .base_settings import Settings
from .custom_kinds import KindsNeeded
from .footprint import Footprint
from .monitoring import MonitoringSettings


class ComponentSettings(Settings):
    """Settings of one component.

    The stack's settings find them by this class: the namespace's quota is the sum of the footprints, and the cluster is
    asked for the kinds before anything is registered.
    """

    def footprint(self, monitoring: MonitoringSettings) -> Footprint:
        """The most that the component needs of the cluster; nothing for one that is switched off."""
        raise NotImplementedError

    def kinds_needed(self, _monitoring: MonitoringSettings) -> Iterator[KindsNeeded]:
        """Custom kinds that the settings need in the cluster, by the key that asks for them."""
        yield from ()
