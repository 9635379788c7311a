"""The destinations of the web pods, from URLs and from entries of `openWebui.egress`."""

from dataclasses import dataclass
from urllib.parse import urlsplit

from .addresses import target_of
from .names import is_address

PUBLIC = "*"
"""Host of a destination that may have any public address."""

# Names under these domains are never in the public DNS: https://www.rfc-editor.org/rfc/rfc6762#appendix-G,
# https://www.rfc-editor.org/rfc/rfc8375, and the reservation of .internal by ICANN (2024-07-29).
_PRIVATE_DOMAINS = ("internal", "local", "home.arpa", "intranet", "private", "corp", "home", "lan")
# A name of two labels is either a Service with its namespace or a public name. With TLS it counts as a public name:
# certificates for names such as `ollama.models` are rare, and `ai` is a top-level domain and a common namespace.
TLS_SCHEMES = ("https", "wss")
_DEFAULT_PORTS = {"http": 80, "ws": 80, "https": 443, "wss": 443, "ldap": 389, "ldaps": 636, "socks5": 1080}


@dataclass(frozen=True, kw_only=True)
class Destination:
    """One end of a connection of the web pods."""

    host: str
    """A name, an address, a CIDR, or `PUBLIC`."""

    port: int
    """TCP port. In the URL of a Service, the port of the Service, which a policy does not see; otherwise the port of
    the pod."""

    scheme: str = ""
    """Scheme of the URL; empty for a target of `openWebui.egress`."""


def destination_of_url(url: str) -> Destination | None:
    """The destination of a URL; None if it has no host or no known port."""
    try:
        parts = urlsplit(url)
        port = parts.port or _DEFAULT_PORTS.get(parts.scheme)
    except ValueError:
        return None
    if not parts.hostname or not port:
        return None
    return Destination(host=parts.hostname.removesuffix("."), port=port, scheme=parts.scheme)


def destination_of_target(target: str) -> Destination:
    """The destination of an entry of `openWebui.egress`."""
    host, port = target_of(target)
    return Destination(host=host.removesuffix("."), port=port)


def cluster_namespace(host: str) -> str | None:
    """The namespace of ``service.namespace.svc``, whatever the cluster's domain, and of one pod of a Service."""
    labels = host.split(".")
    if "svc" not in labels[2:4]:
        return None
    return labels[labels.index("svc", 2) - 1]


def is_inside(destination: Destination) -> bool:
    """Whether its name is that of a Service of the cluster.

    ``http://ollama.models`` counts as one: a public host rarely has a name of two labels and no TLS.
    """
    host = destination.host
    if is_range(host) or host in (PUBLIC, "localhost") or is_private_name(host):
        return False
    two_labels = host.count(".") == 1 and bool(destination.scheme) and destination.scheme not in TLS_SCHEMES
    return "." not in host or two_labels or cluster_namespace(host) is not None


def is_private_name(host: str) -> bool:
    """Whether the name cannot be in the public DNS, so a policy needs its addresses."""
    return (
        not is_address(host) and not cluster_namespace(host) and host.endswith(tuple(f".{d}" for d in _PRIVATE_DOMAINS))
    )


def is_range(host: str) -> bool:
    """Whether it is an address or a CIDR, not a name."""
    return "/" in host or is_address(host)
