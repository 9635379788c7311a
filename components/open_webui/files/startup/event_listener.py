"""Receive events of other replicas soon after Redis is available again.

Open WebUI's listener pauses after each failed connection: 1 s, then twice as long each time, up to a minute. After an
outage, a replica sends events and receives none until its pause is over, without an error that a user could see.
"""

import asyncio
import logging
import sys
from typing import Any

LONGEST_PAUSE_SECONDS = 2.0
"""A connection of each replica every two seconds is nothing for a server that starts."""

LISTENER = "open_webui.socket.redis_room_channels"
"""The module with the listener."""

log = logging.getLogger("uvicorn.error")


class ShortPauses:
    """The module ``asyncio`` for the listener, with a longest pause."""

    def __getattr__(self, name: str) -> Any:
        return getattr(asyncio, name)

    async def sleep(self, delay: float) -> None:
        """Pause for ``delay`` seconds, and at most for `LONGEST_PAUSE_SECONDS`."""
        await asyncio.sleep(min(delay, LONGEST_PAUSE_SECONDS))


def reconnect_soon() -> None:
    """Bound the pauses of the listener, once Open WebUI has been imported."""
    module: Any = sys.modules.get(LISTENER)
    if getattr(module, "asyncio", None) is asyncio:
        module.asyncio = ShortPauses()
    else:
        log.warning(
            "This release of Open WebUI has no %s as expected: after an outage of Redis, events between replicas may "
            "be lost for another minute",
            LISTENER,
        )
