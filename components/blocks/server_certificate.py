"""The certificate of a server of the stack: what its pods mount, and the Certificate of cert-manager."""

from collections.abc import Sequence

import pulumi
from pulumi_kubernetes.core.v1 import VolumeArgsDict, VolumeMountArgsDict

from .children import Children
from .custom_kinds import CERTIFICATE, custom_object
from .pod import secret_volume
from .server_tls import TLS_KEYS, ServerTlsSettings

_VOLUME = "tls"


def tls_mount(tls: ServerTlsSettings, directory: str) -> list[VolumeMountArgsDict]:
    """Volume mount of the certificate; none without TLS."""
    return [{"name": _VOLUME, "mount_path": directory, "read_only": True}] if tls.enabled else []


def tls_volume(tls: ServerTlsSettings, *, key: bool) -> list[VolumeArgsDict]:
    """Volume of the certificate; none without TLS.

    Args:
        tls: settings of the server.
        key: whether the private key is in it, which servers need and clients must not have.
    """
    if not tls.enabled:
        return []
    names = TLS_KEYS if key else ("ca.crt",)
    return [secret_volume(_VOLUME, tls.secret, *names)]


def certificate(
    children: Children, tls: ServerTlsSettings, name: str, *, host_names: Sequence[str], usages: Sequence[str]
) -> list[pulumi.Resource]:
    """The Certificate of cert-manager, when there is an issuer.

    https://cert-manager.io/docs/usage/certificate/

    Args:
        children: creates the objects of the server.
        tls: settings of the server.
        name: logical name.
        host_names: DNS names of the server.
        usages: extended key usages: ``server auth``, ``client auth``.
    """
    if not tls.issuer.name:
        return []
    return [
        custom_object(
            name,
            CERTIFICATE,
            metadata=children.metadata(tls.GENERATED_SECRET),
            spec={
                "secretName": tls.GENERATED_SECRET,
                "dnsNames": [*host_names],
                "issuerRef": {"name": tls.issuer.name, "kind": tls.issuer.kind, "group": "cert-manager.io"},
                "privateKey": {"algorithm": "ECDSA", "size": 256, "rotationPolicy": "Always"},
                "usages": [*usages],
            },
            opts=children.options(),
        )
    ]
