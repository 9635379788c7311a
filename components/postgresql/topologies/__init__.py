"""One module for each of the topologies, with everything in which it differs from the others."""

from collections.abc import Mapping
from typing import Literal

from .external import External
from .standalone import Standalone

TopologyName = Literal["standalone", "external"]

TOPOLOGIES: Mapping[TopologyName, type[Standalone | External]] = {
    "standalone": Standalone,
    "external": External,
}
