"""The interface of all topologies. The settings and the component use it, and never check the name of the topology.
Free of Pulumi, because the settings use it before anything is registered.
"""

from abc import ABC
from collections.abc import Iterator
from typing import TYPE_CHECKING, ClassVar

from pydantic.alias_generators import to_camel

from ...blocks.authority import Authority
from ...blocks.base_settings import Fix, Problem
from ...blocks.custom_kinds import KindsNeeded
from ...blocks.footprint import Footprint
from ...blocks.monitoring import MonitoringSettings
from ...blocks.topology_sections import KEY
from .authority import with_authority

if TYPE_CHECKING:
    from ..settings import PostgreSQLSettings


class Topology(ABC):
    """One shape of PostgreSQL, with the settings of one stack."""

    name: ClassVar[str]
    """Value of the config key."""

    unused_section: ClassVar[str] = ""
    """Why the config section of the same name has no effect without it. Empty: there is no such section."""

    unused_keys: ClassVar[tuple[str, ...]] = ("tls", "upgrade", "service_account")
    """Fields of `postgresql` that apply to the server of another topology."""

    reserved_connections: ClassVar[int] = 0
    """Connections that clients cannot use, in addition to those that every server reserves for its administrator."""

    other_programs: ClassVar[int] = 0
    """MiB of other programs in the container of the server."""

    def __init__(self, settings: "PostgreSQLSettings") -> None:
        self.settings = settings

    def problems(self) -> Iterator[Problem]:
        """Cross-field problems of this topology."""
        for field in self.unused:
            if field in self.settings.model_fields_set:
                key = to_camel(field)
                yield Problem(
                    keys=(key, KEY),
                    message=f"{key} is set, but {KEY} is {self.name}: it is about a server of the stack",
                    allowed=f"{KEY}: standalone, or no {key}",
                    fix=Fix.REMOVE,
                )

    @property
    def unused(self) -> tuple[str, ...]:
        """Those of `unused_keys` that these settings do not use either."""
        return self.unused_keys

    def backup_problems(self) -> Iterator[Problem]:
        """Problems of dumps of this one, with whole keys."""
        yield from ()

    @property
    def volume_size(self) -> str | None:
        """Size of the volume of the database, a quantity. None: the stack does not know it."""
        return None

    def footprint(self, _monitoring: MonitoringSettings) -> Footprint:
        """The maximum that PostgreSQL needs in the cluster."""
        return Footprint()

    def kinds_needed(self, _monitoring: MonitoringSettings) -> Iterator[KindsNeeded]:
        """Custom kinds that PostgreSQL needs, by the key that asks for them."""
        yield from ()

    @property
    def authority(self) -> Authority | None:
        """The certificate authority of the server. None: clients use those of their image."""
        return None

    def url(self, url: str) -> str:
        """URL for the clients, which verify the server's certificate if its authority is known."""
        return with_authority(url, self.authority) if self.authority else url
