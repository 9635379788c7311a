"""Settings of a Redis Cluster."""

from pydantic import Field

from ..blocks.base_settings import Settings


class RedisClusterSettings(Settings):
    """The members of a Redis Cluster."""

    masters: int = Field(
        3,
        ge=3,
        le=50,
        description="Number of primaries, which share the hash slots. Raising it moves hash slots to the new ones; "
        "lowering it is refused, because hash slots would be lost.",
    )
    replicas_per_master: int = Field(1, ge=1, le=4, description="Replicas of each primary, to fail over to.")
    node_timeout_seconds: int = Field(
        5, ge=1, le=60, description="Seconds without an answer until the others consider a member down."
    )
