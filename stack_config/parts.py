"""Settings of the parts of the stack that a program can deploy alone.

Each has every config key. The keys of other parts keep their defaults, because they are not arguments
(`plugin.parts`), so the rules between the parts do not apply.
"""

from collections.abc import Iterator
from typing import ClassVar

from components.blocks.base_settings import Problem
from components.open_webui.names import APP

from .part import Part
from .settings import StackSettings


class PartSettings(StackSettings):
    """Settings of one part."""

    @property
    def limits_namespace(self) -> bool:
        # Other parts in the namespace would not fit into the quota of this one.
        return False


class RedisSettingsAlone(PartSettings):
    """Redis without Open WebUI."""

    PART: ClassVar[Part] = Part(postgresql=False, web=False, prefix="redis")


class PostgreSQLSettingsAlone(PartSettings):
    """PostgreSQL and its backups without Open WebUI."""

    PART: ClassVar[Part] = Part(redis=False, web=False, prefix="postgresql")


class OpenWebUISettingsAlone(PartSettings):
    """Open WebUI with a Redis and a PostgreSQL that are not its own: both have the topology ``external``."""

    PART: ClassVar[Part] = Part(prefix=APP)

    def _redis_problems(self) -> Iterator[Problem]:
        # The Redis may be that of another part.
        yield from ()
