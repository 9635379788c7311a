"""Rules between the settings of the public URL, the Ingress and egress."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from ..blocks.base_settings import Fix, Problem
from ..blocks.destinations import Destination, is_private_name, is_range
from ..blocks.quantities import MEBIBYTE, mebibytes, quantity
from .ingress_settings import BODY_AROUND_FILE

if TYPE_CHECKING:
    from .settings import OpenWebUISettings

_NAME = "a DNS host name"
_EXAMPLE = "chat.example.com"


def public_url_problems(settings: OpenWebUISettings) -> Iterator[Problem]:
    """Conflicts between the settings of the public URL."""
    if settings.host:
        yield from _contradictions(settings)
        return
    ingress, gateway = settings.ingress, settings.gateway
    reasons = {
        **{
            f"{key}.{secret}": f"{key}.{secret} {name} without host: TLS needs the name that the certificate is for"
            for key, each in (("ingress", ingress), ("gateway", gateway))
            for secret, name in (("tlsSecretName", each.tls_secret_name), ("issuer.name", each.issuer.name))
            if name
        },
        "ingress.enabled": "ingress.enabled without host: the Ingress would answer for every name"
        if ingress.enabled and not ingress.tls_secret
        else "",
        "gateway.enabled": "gateway.enabled without host: the HTTPRoute would answer for every name"
        if gateway.enabled and not gateway.tls_secret
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
    for key, each in (("ingress", settings.ingress), ("gateway", settings.gateway)):
        if settings.public_scheme == "http" and each.tls_secret:
            named = f"{key}.{'tlsSecretName' if each.tls_secret_name else 'issuer.name'}"
            yield Problem(
                keys=("publicScheme", named),
                message=f"publicScheme http with {named}: browsers come by https, and their websockets would "
                "be refused",
                allowed=f"https, or no {named}",
                fix="https",
            )
    if settings.ingress.redirect_to_https and settings.scheme == "http":
        yield Problem(
            keys=("ingress.redirectToHttps", "publicScheme"),
            message="ingress.redirectToHttps without https: browsers come by http, and would be sent where nothing "
            "answers",
            allowed="false, or https: ingress.tlsSecretName, ingress.issuer.name or publicScheme",
            fix="false",
        )


def body_size_problems(settings: OpenWebUISettings) -> Iterator[Problem]:
    """A body limit of the Ingress below Open WebUI's own limit for a file."""
    body, file = settings.ingress.max_body_size, settings.file_limit
    if body and file and quantity(body) < file:
        yield Problem(
            keys=("ingress.maxBodySize", "env.RAG_FILE_MAX_SIZE"),
            message=f"ingress.maxBodySize {body} is below the largest file of {file // MEBIBYTE} MiB "
            "(env.RAG_FILE_MAX_SIZE): the controller would refuse it",
            allowed=f"at least {mebibytes(file + BODY_AROUND_FILE)}, or not set",
            fix=mebibytes(file + BODY_AROUND_FILE),
        )


def egress_problems(settings: OpenWebUISettings) -> Iterator[Problem]:
    """Destinations for which a network policy needs addresses that are missing."""
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
    """Problems with names that are not in public DNS: the network policy cannot allow their addresses.

    Args:
        named: destinations, each with the key that it follows from.
        targets: destinations of `openWebui.egress`.
        egress_key: the key of the targets, as the user writes it.
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
