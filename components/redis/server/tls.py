"""TLS between Redis and its clients: directives of the servers, what the pods mount, the certificate."""

from pathlib import PurePosixPath

import pulumi
from pulumi_kubernetes.core.v1 import EnvVarArgsDict, KeyToPathArgsDict, VolumeArgsDict, VolumeMountArgsDict
from pulumi_kubernetes.meta.v1 import ObjectMetaArgsDict

from ...blocks.children import child_options
from ...blocks.custom_kinds import CERTIFICATE, custom_object
from ..settings import RedisSettings
from ..tls_settings import GENERATED_SECRET
from ..topologies.nodes import node_names

TLS_DIRECTORY = "/etc/redis-tls"
AUTHORITY = str(PurePosixPath(TLS_DIRECTORY) / "ca.crt")


def tls_conf(settings: RedisSettings, port: int) -> str:
    """Directives of the servers; empty without TLS. Nothing is served without it."""
    if not settings.tls.enabled:
        return ""
    between = "tls-replication yes\ntls-cluster yes\n" if settings.topology == "cluster" else ""
    return f"""\
# Who connects shows a password, not a certificate.
port 0
tls-port {port}
tls-cert-file {TLS_DIRECTORY}/tls.crt
tls-key-file {TLS_DIRECTORY}/tls.key
tls-ca-cert-file {AUTHORITY}
tls-auth-clients no
tls-protocols "TLSv1.2 TLSv1.3"
{between}"""


def own_client_options(settings: RedisSettings) -> str:
    """Options of redis-cli for the server in the same pod; empty without TLS.

    At the loopback address nobody else answers. The certificate is not checked: a server that still has the one before
    is to be told that there is another one, and is not dead.
    """
    return "--tls --insecure" if settings.tls.enabled else ""


def client_environment(settings: RedisSettings, *, own: bool) -> list[EnvVarArgsDict]:
    """Variable with the options of redis-cli for a script; none without TLS.

    Args:
        settings: the component's settings.
        own: whether it speaks with the server of its own pod only.
    """
    if not settings.tls.enabled:
        return []
    options = own_client_options(settings) if own else f"--tls --cacert {AUTHORITY}"
    return [{"name": "CLIENT_OPTIONS", "value": options}]


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
    items: list[KeyToPathArgsDict] = [{"key": name, "path": name} for name in names]
    return [
        {"name": "tls", "secret": {"secret_name": settings.tls.secret, "default_mode": 0o440, "items": items}},
    ]


def host_names(settings: RedisSettings, service: str, namespace: str) -> list[str]:
    """What the certificate has to be for: whatever name a client may connect to."""
    nodes = node_names(settings.nodes) if settings.topology == "cluster" else []
    suffixes = ("", f".{namespace}", f".{namespace}.svc", f".{namespace}.svc.cluster.local")
    return [f"{name}{suffix}" for name in (service, *nodes) for suffix in suffixes] + ["localhost"]


def certificate(
    parent: pulumi.ComponentResource,
    metadata: ObjectMetaArgsDict,
    settings: RedisSettings,
    names: list[str],
) -> list[pulumi.Resource]:
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
            metadata={**metadata, "name": GENERATED_SECRET},
            spec={
                "secretName": GENERATED_SECRET,
                "dnsNames": names,
                "issuerRef": {"name": issuer.name, "kind": issuer.kind, "group": "cert-manager.io"},
                "privateKey": {"algorithm": "ECDSA", "size": 256, "rotationPolicy": "Always"},
                # The nodes of a cluster are also clients of each other.
                "usages": ["server auth", "client auth"],
            },
            opts=child_options(parent),
        )
    ]
