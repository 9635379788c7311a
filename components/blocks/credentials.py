"""Whether a text has credentials in it."""

import re

_URL_WITH_CREDENTIALS = re.compile(r"://[^/?#\s]*@")


def has_credentials(text: str) -> bool:
    """Whether the text contains a URL with a user or a password: ``http://user:password@proxy:3128``."""
    return _URL_WITH_CREDENTIALS.search(text) is not None
