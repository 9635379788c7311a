"""Settings of the audit log. Source: `utils/audit.py` and `utils/logger.py` of Open WebUI 0.12.4."""

from collections.abc import Iterator
from typing import Literal

from pydantic import Field

from ...blocks.base_settings import Problem, Settings

_LEVELS = {"metadata": "METADATA", "request": "REQUEST", "requestResponse": "REQUEST_RESPONSE"}
_WITH_BODIES = ("request", "requestResponse")


class AuditSettings(Settings):
    """The audit log: one line for each request that changes something."""

    level: Literal["none", "metadata", "request", "requestResponse"] = Field(
        "none",
        description="`metadata`: time, user, method, URL and address of each POST, PUT, PATCH and DELETE, without its "
        "status. `request`: also the beginning of its body. `requestResponse`: also the status and the beginning of "
        "the response. The lines go to stdout, never to a file. Needs `jsonLogs`.",
    )
    accept_bodies: bool = Field(
        False,
        description="Accept that `request` and `requestResponse` write what users type, and the API keys that "
        "administrators enter, to the log. Open WebUI redacts passwords only.",
    )
    get_requests: bool = Field(False, description="Also log GET requests.")

    def problems(self) -> Iterator[Problem]:
        if self.level in _WITH_BODIES and not self.accept_bodies:
            yield Problem(
                keys=("level", "acceptBodies"),
                message=f"level {self.level} writes bodies to the log: messages, and API keys that administrators "
                "enter in the admin panel",
                allowed="metadata, or acceptBodies: true",
                fix="metadata",
            )
        if self.get_requests and self.level == "none":
            yield Problem(
                keys=("level", "getRequests"),
                message="getRequests without level: there is no audit log",
                allowed="metadata, request, requestResponse",
                fix="metadata",
            )

    def variables(self) -> dict[str, str]:
        """Environment variables."""
        if self.level == "none":
            return {}
        return {
            "AUDIT_LOG_LEVEL": _LEVELS[self.level],
            "ENABLE_AUDIT_STDOUT": "true",
            # Open WebUI would write a file into the data directory, which rotates and is never deleted.
            "ENABLE_AUDIT_LOGS_FILE": "false",
            **({"ENABLE_AUDIT_GET_REQUESTS": "true"} if self.get_requests else {}),
        }
