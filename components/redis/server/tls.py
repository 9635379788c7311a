"""TLS between Redis and its clients: what the pods mount, and the certificate."""

from collections.abc import Sequence

import pulumi
from pulumi_kubernetes.core.v1 import VolumeArgsDict, VolumeMountArgsDict

from ...blocks.children import Children
from ...blocks.custom_kinds import CERTIFICATE, custom_object
from ...blocks.pod import secret_volume
from ..settings import RedisSettings
from ..tls_settings import GENERATED_SECRET
from .places import TLS_DIRECTORY


def tls_mount(settings: RedisSettings) -> list[VolumeMountArgsDict]:
    """Volume mount of the certificate; none without TLS."""
    return [{"name": "tls", "mount_path": TLS_DIRECTORY, "read_only": True}] if settings.tls.enabled else []


def tls_volume(settings: RedisSettings, *, key: bool) -> list[VolumeArgsDict]:
    """Volume of the certificate; none without TLS.

    Args:
        settings: the component's settings.
        key: whether the private key is in it, which servers need and clients must not have.
    """
    if not settings.tls.enabled:
        return []
    names = ("tls.crt", "tls.key", "ca.crt") if key else ("ca.crt",)
    return [secret_volume("tls", settings.tls.secret, *names)]


def host_names(hosts: Sequence[str], namespace: str) -> list[str]:
    """Names in the certificate: every name by which a client may connect.

    Args:
        hosts: the names without the namespace.
        namespace: namespace of the servers.
    """
    suffixes = ("", f".{namespace}", f".{namespace}.svc", f".{namespace}.svc.cluster.local")
    return [f"{host}{suffix}" for host in hosts for suffix in suffixes] + ["localhost"]


def certificate(children: Children, settings: RedisSettings, names: list[str]) -> list[pulumi.Resource]:
    """The Certificate of cert-manager, when there is an issuer.

    https://cert-manager.io/docs/usage/certificate/
    """
    issuer = settings.tls.issuer
    if not issuer.name:
        return []
    return [
        custom_object(
            "redis-certificate",
            CERTIFICATE,
            metadata=children.metadata(GENERATED_SECRET),
            spec={
                "secretName": GENERATED_SECRET,
                "dnsNames": names,
                "issuerRef": {"name": issuer.name, "kind": issuer.kind, "group": "cert-manager.io"},
                "privateKey": {"algorithm": "ECDSA", "size": 256, "rotationPolicy": "Always"},
                # The members of a Redis Cluster are also clients of each other.
                "usages": ["server auth", "client auth"],
            },
            opts=children.options(),
        )
    ]
