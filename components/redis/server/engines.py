"""The engines, and the formats of their files. Free of Pulumi.

Versions of the format: those of Valkey from ``RDB_VERSION_MAP`` in its ``src/rdb.h``. Redis 7.0 and 8.2 and Valkey 8.1
and 9.1 are covered by tests on the servers (tests/servers/test_redis_stored_data.py). Redis 8.6 and 8.8 are from
documents about the format, not from a server that was run.
"""

from collections.abc import Mapping
from typing import Literal

Engine = Literal["redis", "valkey"]

FORMATS: Mapping[Engine, Mapping[tuple[int, int], int]] = {
    "redis": {(7, 0): 10, (7, 2): 11, (7, 4): 12, (8, 6): 13, (8, 8): 14},
    "valkey": {(7, 2): 11, (9, 0): 80, (9, 2): 81},
}
"""The first release that writes a format; later releases write it until the next entry.

Valkey left the numbers from 12 to 79 to Redis, and refuses them:
https://github.com/valkey-io/valkey/blob/unstable/src/rdb.h
"""

LAST_COMMON_FORMAT = 11
"""The last format that both engines write. Numbers above belong to one engine."""


def formats_file() -> str:
    """The tables above for ``check-data.sh``: engine, release and format a line, and the last common format."""
    lines = [
        f"{engine} {major}.{minor} {number}\n"
        for engine, releases in FORMATS.items()
        for (major, minor), number in releases.items()
    ]
    return "".join((*lines, f"common - {LAST_COMMON_FORMAT}\n"))
