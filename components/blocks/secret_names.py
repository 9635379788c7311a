"""Whether a name says that its value is a secret: the one rule for variables, config keys, flags and settings.

Standard library only. The policy pack and the scripts in the pods run without the rest of this repository, so they have
generated copies of this file (``stack_config.copies``).
"""

import re
from collections.abc import Sequence
from functools import lru_cache

# "apiKey" and "API_KEY" are the same two words; "S3_KEY2" ends with the word "key".
_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_SEPARATOR = re.compile(r"[^A-Za-z0-9]+")

_SECRETS = frozenset({"password", "passwords", "passwd", "passphrase", "pass", "pwd", "secret", "secrets", "token"})
_SECRETS |= {"credential", "credentials", "dsn"}
"""A name that ends with one of these words names a secret."""

_GLUED = re.compile(
    r".(?:passwords?|passwd|passphrase|secrets?|token|credentials?|(?:api|access|private|secret)keys?)$"
    r"|^(?:requirepass|masterauth)$"
)
"""The same without a separator: ``PGPASSWORD``, ``clientsecret``, ``requirepass``."""

_ENDINGS = (
    ("access", "key", "id"),
    ("api", "configs"),
    ("api", "sk"),
    ("connection", "string"),
    ("credentials", "json"),
    ("server", "connections"),
    ("webhook", "url"),
)
"""Last words of names whose value contains a secret: ``OPENAI_API_CONFIGS``, ``AZURE_STORAGE_CONNECTION_STRING``."""

_QUALIFIED = {
    "auth": frozenset({"api", "basic", "http", "proxy", "redis", "rediscli", "valkey", "valkeycli"}),
    "tokens": frozenset({"access", "api", "auth", "bearer", "refresh"}),
}
"""Last words that name a secret only after one of these words: ``REDISCLI_AUTH`` does, ``JUPYTER_AUTH`` does not."""

_UNQUALIFIED = {
    "key": frozenset({"annotation", "cache", "foreign", "group", "idempotency", "index", "label", "metadata", "object"})
    | {"partition", "primary", "pub", "public", "sort", "topology"},
    "headers": frozenset({"allow", "allowed", "cors", "expose", "exposed", "info", "trusted"}),
    "credentials": frozenset({"allow", "application"}),
}
_UNQUALIFIED["keys"] = _UNQUALIFIED["key"]
"""Last words that name a secret unless one of these words is before them: ``LICENSE_PUBLIC_KEY`` does not."""

_SWITCHES = frozenset({"allow", "disable", "enable", "has", "is", "no", "require", "skip", "use"})
_COUNTS = frozenset({"max", "min", "num", "total"})
"""First words of the names of switches and of numbers: ``ENABLE_API_KEYS``, ``MAX_SERVER_CONNECTIONS``."""

# The working directories of a shell: https://pubs.opengroup.org/onlinepubs/9799919799/basedefs/V1_chap08.html
_DIRECTORIES = frozenset({"PWD", "OLDPWD"})
_SUGGESTIVE = re.compile(r"pass|pwd|auth|secret|token|key|credential|cert|dsn", re.IGNORECASE)


@lru_cache(maxsize=4096)
def is_secret_name(name: str) -> bool:
    """Whether the name says that its value is a secret.

    ``DB_PWD``, ``apiKey``, ``PGPASSWORD`` and ``JWT_KEY_2`` do. ``PASSWORD_FILE`` and ``SECRET_NAME`` say where the
    secret is, ``TOKEN_EXPIRES_IN`` describes one, ``RAG_SOURCE_METADATA_KEYS`` is about something else.

    Args:
        name: of an environment variable, a config key, a flag, a setting or an annotation, without its value.
    """
    words = _words(name)
    if not words or name in _DIRECTORIES or (len(words) > 1 and words[0] in _SWITCHES | _COUNTS):
        return False
    *_, before, last = ("", *words)
    if before in _UNQUALIFIED.get(last, ()):
        return False
    if last in ("key", "keys"):
        # In lower case a lone `key` is a field of selectors and maps.
        return bool(before) or name.isupper()
    if last == "headers":
        return bool(before)
    if any(tuple(words[-len(ending) :]) == ending for ending in _ENDINGS):
        return True
    return last in _SECRETS or before in _QUALIFIED.get(last, ()) or _GLUED.search(last) is not None


def holds_secret(name: str, value: str) -> bool:
    """Whether that value under that name is a secret. Neither an empty value nor a switch (``true``) is one."""
    return bool(value) and not is_switch(value) and is_secret_name(name)


def is_switch(value: str) -> bool:
    """Whether the value only turns something on or off, whatever its name says: ``ENABLE_API_KEYS=true``."""
    return value.lower() in ("true", "false")


def suggests_secret(name: str) -> bool:
    """Whether a secret may be under the name: for undeclared keys, such as ``auth`` or ``tlsCert``.

    For reports on errors only, which hide the value. To refuse a value by this rule would refuse harmless ones.
    """
    return is_secret_name(name) or _SUGGESTIVE.search(name) is not None


def _words(name: str) -> Sequence[str]:
    words = [word.lower() for word in _SEPARATOR.split(_HUMP.sub("_", name)) if word]
    while words and words[-1].isdigit():
        words.pop()
    return [*words[:-1], words[-1].rstrip("0123456789")] if words else []
