"""Settings of a Redis Cluster."""

from pydantic import Field

from ..blocks.base_settings import Settings


class RedisClusterSettings(Settings):
    """The members of a Redis Cluster."""

    masters: int = Field(
        3,
        ge=3,
        le=50,
        description="Masters, each with a part of the data. More of them later move their part over; fewer are not "
        "possible: their part would be lost.",
    )
    replicas_per_master: int = Field(1, ge=1, le=4, description="Replicas of each master, which take over from it.")
    node_timeout_seconds: int = Field(
        5, ge=1, le=60, description="Seconds without an answer until the others count a node as down."
    )
