"""The outputs of the stack: those of the program and, in camelCase, those of the component package."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class OutputDefinition:
    """One output."""

    description: str
    secret: bool = False
    optional: bool = False
    """Whether it is missing if the value is in an existing Secret."""


def _secret(description: str) -> OutputDefinition:
    return OutputDefinition(description=description, secret=True, optional=True)


OUTPUTS: Mapping[str, OutputDefinition] = {
    "namespace": OutputDefinition(description="Namespace of the stack."),
    "webui_url": OutputDefinition(
        description="`https://` or `http://` with `openWebui.host`, else the Service inside the cluster."
    ),
    "redis_cache_url": _secret("`redis://…/0`, the application's state."),
    "redis_websocket_url": _secret("`redis://…/1`, websocket events."),
    "database_url": _secret("`postgresql://…` of the owner of the database."),
    "admin_email": OutputDefinition(description="Sign-in name of the first administrator."),
    "admin_password": _secret("The initial password of the first administrator."),
}
"""Every output by its name."""
