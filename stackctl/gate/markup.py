"""Text of a preview in Markdown, where nothing of it becomes markup."""

import re

# What would begin a link, an image, markup or code. A mention, a reference or an address is undone by a character of no
# width.
_MARKUP = str.maketrans({"`": "'", "<": "&lt;", "[": "\\[", "]": "\\]", "\n": " ", "\r": " "})
_REFERENCE = re.compile(r"(?<=[@#!])(?=\w)|(?<=www)(?=\.)|(?<=:)(?=//)")


def plain(text: str) -> str:
    """Text from the preview between the comment's own words: nothing in it is markup, and nobody is called by it."""
    return _REFERENCE.sub("\u2060", text.translate(_MARKUP))


def code(text: str) -> str:
    """Text from the preview as code, where only its end could be markup."""
    inside = " ".join(text.replace("`", "'").split())
    return f"`{inside}`"
