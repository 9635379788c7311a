"""Rules between the settings of the public URL, the Ingress and egress."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from ..blocks.base_settings import Fix, Problem
from ..blocks.destinations import Destination, is_private_name, is_range

if TYPE_CHECKING:
    from .settings import OpenWebUISettings

_NAME = "a DNS host name"
_EXAMPLE = "chat.example.com"


def public_url_problems(settings: OpenWebUISettings) -> Iterator[Problem]:
    """What of the public URL does not fit together."""
    if settings.host:
        yield from _contradictions(settings)
        return
    secret = settings.ingress.tls_secret_name
    reasons = {
        "ingress.tlsSecretName": f"ingress.tlsSecretName {secret} without host: TLS needs the name that the "
        "certificate is for"
        if secret
        else "",
        "ingress.enabled": "ingress.enabled without host: the Ingress would answer for every name"
        if settings.ingress.enabled and not secret
        else "",
        "additionalHosts": "additionalHosts without host: the public URL is that of host"
        if settings.additional_hosts
        else "",
        "publicScheme": "publicScheme without host: there is no public URL" if settings.public_scheme else "",
        "publicPort": "publicPort without host: there is no public URL" if settings.public_port else "",
    }
    for key, message in reasons.items():
        if message:
            yield Problem(keys=("host", key), message=message, allowed=_NAME, fix=_EXAMPLE)


def _contradictions(settings: OpenWebUISettings) -> Iterator[Problem]:
    if settings.public_scheme == "http" and settings.ingress.tls_secret_name:
        yield Problem(
            keys=("publicScheme", "ingress.tlsSecretName"),
            message="publicScheme http with ingress.tlsSecretName: browsers come by https, and their websockets would "
            "be refused",
            allowed="https, or no ingress.tlsSecretName",
            fix="https",
        )


def egress_problems(settings: OpenWebUISettings) -> Iterator[Problem]:
    """Destinations that a network policy can only reach by their addresses, which are missing."""
    yield from private_name_problems(settings.named_destinations, settings.targets, "egress")
    for target in settings.targets:
        if is_private_name(target.host):
            yield Problem(
                keys=("egress",),
                message=f"{target.host} is a name of a private network, and a network policy knows addresses only",
                allowed=f"its addresses, as CIDR:{target.port}",
                fix=Fix.REMOVE,
            )


def private_name_problems(
    named: Iterable[tuple[str, Destination]], targets: Iterable[Destination], egress_key: str
) -> Iterator[Problem]:
    """Problems with names that public DNS does not have: the network policy does not open their addresses.

    Args:
        named: destinations, each with the key that it follows from.
        targets: destinations of `openWebui.egress`.
        egress_key: the key of the targets, as the reader of the problem has to write it.
    """
    opened = {target.port for target in targets if is_range(target.host)}
    missing = [(key, each) for key, each in named if is_private_name(each.host) and each.port not in opened]
    if not missing:
        return
    names = ", ".join(f"{destination.host}:{destination.port} ({key})" for key, destination in missing)
    ports = sorted({destination.port for _, destination in missing})
    yield Problem(
        keys=(egress_key, *(key for key, _ in missing)),
        message=f"names of private networks: {names}. A network policy knows addresses only, and the connections would "
        "be refused",
        allowed=f"their addresses as well: {', '.join(f'CIDR:{port}' for port in ports)}",
        fix=f"10.20.0.0/16:{ports[0]}",
    )
