"""One module for each of the topologies, with everything in which it differs from the others."""

from collections.abc import Mapping
from typing import Literal

from .cloudnative_pg import CloudNativePG
from .external import External
from .standalone import Standalone

TopologyName = Literal["standalone", "cloudnative-pg", "external"]

TOPOLOGIES: Mapping[TopologyName, type[Standalone | CloudNativePG | External]] = {
    "standalone": Standalone,
    "cloudnative-pg": CloudNativePG,
    "external": External,
}
