"""One module for each of the topologies, with everything in which it differs from the others."""

from collections.abc import Mapping
from typing import Literal

from .cluster import Cluster
from .external import External
from .sentinel import Sentinel
from .standalone import Standalone

TopologyName = Literal["standalone", "sentinel", "cluster", "external"]

TOPOLOGIES: Mapping[TopologyName, type[Standalone | Sentinel | Cluster | External]] = {
    "standalone": Standalone,
    "sentinel": Sentinel,
    "cluster": Cluster,
    "external": External,
}
