"""Parameters in the query of a URL. Free of Pulumi."""

from collections.abc import Mapping
from urllib.parse import parse_qsl, urlencode, urlsplit


def parameters_of(url: str) -> dict[str, str]:
    """The parameters that the URL names; the last value of each."""
    return dict(parse_qsl(urlsplit(url).query, keep_blank_values=True))


def with_parameters(url: str, parameters: Mapping[str, str | int]) -> str:
    """The URL with the parameters, except those that the URL already has. Slashes in values stay as they are."""
    named = parameters_of(url)
    added = {name: value for name, value in parameters.items() if name not in named}
    return f"{url}{'&' if urlsplit(url).query else '?'}{urlencode(added, safe='/')}" if added else url
