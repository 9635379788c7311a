"""The secrets of a deployed stack, and the search for them in what commands and objects show."""

import base64
import json
import re
from collections.abc import Iterable, Iterator
from urllib.parse import quote

from tests.support.engine.stack import GIVEN_SECRETS, Namespace

# In openwebui-admin, but the sign-in name: config and output show it, too.
NOT_SECRET = {("openwebui-admin", "email")}


def secret_values(namespace: Namespace) -> set[str]:
    """All that may not be seen: contents of the Secrets, and the passwords inside those that are URLs or files."""
    values = set(GIVEN_SECRETS.values())
    for name, contents in namespace.secrets().items():
        values |= {value for key, value in contents.items() if (name, key) not in NOT_SECRET}
        values |= {password for value in contents.values() for password in re.findall(r"://[^:]+:([^@]+)@", value)}
    return values


def forms(value: str) -> Iterator[str]:
    """A value as it may be written: as it is, inside JSON, in a URL, in the data of a Secret."""
    yield value
    yield json.dumps(value)[1:-1]
    yield json.dumps(json.dumps(value)[1:-1])[1:-1]
    yield quote(value, safe="")
    yield base64.b64encode(value.encode()).decode().rstrip("=")


def seen_in(text: str, values: Iterable[str]) -> list[int]:
    """Lengths of the secrets that a text shows: not the secrets, since this is what a failing test prints."""
    return [len(value) for value in values if any(form in text for form in forms(value))]
