"""Values of a preview or a cluster for display: secrets are redacted, checksums and long texts are shortened."""

import re

from components.blocks.secret_names import holds_secret
from policy.rules.secret_shapes import SECRET_VALUE
from pulumi_values.special import SECRET, is_unknown

AFTER_UPDATE = "known after the update"
LONGEST = 120
"""Characters of a value that are shown."""

# 24 letters and digits of every sort: what password generators make. Checksums are hexadecimal and in lower case.
_GENERATED = re.compile(r"(?<![\w/+-])(?=[A-Za-z0-9]*[a-z])(?=[A-Za-z0-9]*[A-Z])(?=[A-Za-z0-9]*\d)[A-Za-z0-9]{24,}\b")
_CHECKSUM = re.compile(r"\b[0-9a-f]{40,}\b")
_CHECKSUM_OF_CONTENTS = re.compile("checksum/.+")
"""Annotations of pod templates. The name says which contents they cover. The report shows only that the value changed,
because a short secret could be guessed from its checksum."""
CHECKSUM = "(checksum)"
# `password = x`, `"apiKey": "x"`, `requirepass x`, in a configuration file or a message.
# The pattern tries a name once, from its start to its end: otherwise the time grows with the square of the length of a
# word.
_ASSIGNMENT = re.compile(
    r"(?<![\w.-])(?P<name>[\w.-]++)(?:[\"']?\s*[=:]\s*|(?<=requirepass)\s+|(?<=masterauth)\s+)", re.IGNORECASE
)
_ASSIGNED = re.compile(r"\"(?:[^\"\\]|\\.)*\"|'[^']*'|[^\s,;]+")
# The user information of a URL up to its end, which the shape of a secret in a URL leaves out on purpose.
_REST = r"[^\s\"']*"
_SHAPES = re.compile(f"(?:{SECRET_VALUE.pattern}){_REST}|{_GENERATED.pattern}")
_PEM = re.compile(r"-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----.*?(?:-----END (?:[A-Z]+ )*PRIVATE KEY-----|\Z)", re.DOTALL)


def redact(text: str) -> str:
    """The text without parts that have the form of a secret."""
    text = _SHAPES.sub(SECRET, _PEM.sub(SECRET, text))
    kept, position = "", 0
    for assignment in _ASSIGNMENT.finditer(text):
        value = _ASSIGNED.match(text, assignment.end())
        if value and assignment.start() >= position and holds_secret(assignment["name"], value[0]):
            kept += f"{text[position : assignment.end()]}{SECRET}"
            position = value.end()
    return kept + text[position:]


def shown(value: object, *, name: str, secret: bool = False) -> str:
    """A value as one short line.

    Args:
        value: anything that JSON has.
        name: of the variable or property that holds it.
        secret: whether the value is always secret.
    """
    if not secret and _CHECKSUM_OF_CONTENTS.fullmatch(name) and _CHECKSUM.fullmatch(str(value)):
        return CHECKSUM
    if is_unknown(value) and not secret:
        return f"({AFTER_UPDATE})"
    if secret or value == SECRET or (isinstance(value, str) and holds_secret(name, value)):
        return SECRET
    if isinstance(value, bool) or value is None:
        return str(value).lower()
    text = redact(str(value))
    if "\n" in text:
        return f"(text of {len(text.splitlines())} lines)"
    text = _CHECKSUM.sub(lambda checksum: f"{checksum[0][:12]}…", text)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"
