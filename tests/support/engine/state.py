"""Changes of the state of a stack that no command makes."""

import json
from typing import Any

from tests.support.engine.stack import Stack


def forget(stack: Stack, name: str) -> None:
    """Remove a record from the state, as in one that an earlier release of the program has written."""
    urn = stack.resources()[f"Stash {name}"]["urn"]

    def without(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: without(member) for key, member in value.items()}
        if isinstance(value, list):
            return [without(element) for element in value if element != urn and _urn(element) != urn]
        return value

    exported = json.loads(stack.pulumi("stack", "export"))
    stack.pulumi("stack", "import", stdin=json.dumps(without(exported)))


def _urn(resource: Any) -> str | None:
    return resource.get("urn") if isinstance(resource, dict) else None
