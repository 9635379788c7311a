"""The destinations of the web pods that follow from the variables of `openWebui.env`, as one pure function.

Read in the source of Open WebUI 0.12.4: `config.py`, `env.py`, `routers/`, `retrieval/`.
"""

import re
from collections.abc import Collection, Iterator, Mapping

from ..blocks.destinations import PUBLIC, Destination, destination_of_url
from ..blocks.names import is_dns_name

# A URL may be in a list, in JSON or in a template (`http://searxng:8080/search?q=<query>`): the pattern matches the
# authority, up to the first character that cannot be part of a host or port.
_AUTHORITY = re.compile(
    r"[A-Za-z][A-Za-z0-9+.-]*://(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9.-]+)(?::[0-9]+)?(?![A-Za-z0-9{$<%@])"
)
_BARE = re.compile(r"[A-Za-z0-9.-]*[A-Za-z][A-Za-z0-9.-]*:[0-9]+")
# Variables whose value may be `host:port`: proxies, and gRPC endpoints of OpenTelemetry.
_MAY_BE_BARE = re.compile(r"_(PROXY|ENDPOINT)$", re.IGNORECASE)
_DEFAULT_PORTS = {"LDAP_SERVER": 389}

# Engines that run in the pod, or whose URL is in another variable. Any other engine is a vendor's service at an address
# in Open WebUI's code.
_ENGINES_WITH_URL = frozenset(
    {
        "automatic1111",
        "comfyui",
        "docling",
        "document_intelligence",
        "external",
        "jupyter",
        "mineru",
        "ollama",
        "openserp",
        "paddleocr_vl",
        "playwright",
        "pyodide",
        "searxng",
        "tika",
        "transformers",
        "web",
        "yacy",
    }
)
_CLIENT_OF_VENDOR = re.compile(r"(GOOGLE|MICROSOFT|GITHUB|FEISHU|GOOGLE_DRIVE|ONEDRIVE)_CLIENT_ID(_[A-Z]+)?")
# After a search, Open WebUI loads the pages of the results, which may have any address.
_LOADS_PAGES = "ENABLE_WEB_SEARCH"


def env_destinations(env: Mapping[str, str], own_hosts: Collection[str] = ()) -> Iterator[tuple[str, Destination]]:
    """Variables and the destinations that follow from them.

    These are: every URL in a value of any variable; ``host:port`` in variables that may contain it; a ``…_HOST`` with
    its ``…_PORT``; and public addresses for a vendor's service without a URL.

    Args:
        env: variables and their values.
        own_hosts: public names of the stack itself. Only browsers use their URLs, for example for redirections.
    """
    for name, value in env.items():
        destinations = [*_in_value(name, value), *_of_host(name, value, env), *_of_vendor(name, value)]
        yield from ((name, each) for each in dict.fromkeys(destinations) if each.host not in own_hosts)


def _in_value(name: str, value: str) -> Iterator[Destination]:
    text = value.replace("\\/", "/")  # JSON may escape it
    urls = [match[0] for match in _AUTHORITY.finditer(text)]
    if _MAY_BE_BARE.search(name) and _BARE.fullmatch(text.strip()):
        urls.append(f"//{text.strip()}")
    for url in urls:
        if destination := destination_of_url(url):
            yield destination


def _of_host(name: str, value: str, env: Mapping[str, str]) -> Iterator[Destination]:
    server, is_host, rest = name.rpartition("_HOST")
    if not is_host or rest or value.isdecimal() or not is_dns_name(value.lower()):
        return
    port = env.get(f"{server}_PORT", str(_DEFAULT_PORTS.get(server, "")))
    if port.isdecimal() and (destination := destination_of_url(f"tcp://{value}:{port}")):
        yield destination


def _of_vendor(name: str, value: str) -> Iterator[Destination]:
    engine = name.endswith("_ENGINE") and value and value.lower() not in _ENGINES_WITH_URL
    pages = name == _LOADS_PAGES and value.lower() == "true"
    if pages:
        yield Destination(host=PUBLIC, port=80, scheme="http")
    if engine or pages or (value and _CLIENT_OF_VENDOR.fullmatch(name)):
        yield Destination(host=PUBLIC, port=443, scheme="https")
