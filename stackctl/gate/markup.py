"""Text of a preview, escaped so that none of it becomes Markdown markup."""

import re

# These characters would begin a link, an image, markup or code. A zero-width character breaks up a mention, a reference
# or an address.
_MARKUP = str.maketrans({"`": "'", "<": "&lt;", "[": "\\[", "]": "\\]", "\n": " ", "\r": " "})
_REFERENCE = re.compile(r"(?<=[@#!])(?=\w)|(?<=www)(?=\.)|(?<=:)(?=//)")


def plain(text: str) -> str:
    """Text from the preview for a sentence of the comment: without markup and without mentions that notify users."""
    return _REFERENCE.sub("\u2060", text.translate(_MARKUP))


def code(text: str) -> str:
    """Text from the preview as a code span, which no character of the text can end."""
    inside = " ".join(text.replace("`", "'").split())
    return f"`{inside}`"
