"""Custom kinds that the stack can create: what serves them, and which config key asks for them.

`custom_object` is the only way to create one. The program asks the cluster for all of them before it registers
anything (`stack_config.served_kinds`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    # Settings import this module and must not import Pulumi.
    import pulumi
    from pulumi_kubernetes.apiextensions import CustomResource
    from pulumi_kubernetes.meta.v1 import ObjectMetaArgsDict


@dataclass(frozen=True, kw_only=True)
class Installation:
    """The software whose custom resource definitions serve a kind."""

    name: str
    docs: str
    """Page with the installation instructions."""

    manifest: str | None = None
    """Manifest of its newest release for `kubectl apply`; None if the manifest alone is not enough."""

    def install_command(self, flags: str) -> str:
        """The command that installs it into the cluster of kubectl's flags, or the URL of its documentation."""
        if not self.manifest:
            return f"install {self.name}: {self.docs}"
        return f"kubectl {flags} apply --server-side -f {self.manifest}   # {self.docs}"


@dataclass(frozen=True, kw_only=True)
class CustomKind:
    """A kind that a cluster serves only if its software is installed."""

    api_version: str
    kind: str
    served_by: Installation


@dataclass(frozen=True, kw_only=True)
class KindsNeeded:
    """Custom kinds that a config key requires."""

    key: str
    """As the user writes it."""

    value: str
    off: str
    """Value of the key that does not require them; empty: remove the key."""

    kinds: tuple[CustomKind, ...]


_PROMETHEUS_OPERATOR = Installation(
    name="the Prometheus operator",
    docs="https://prometheus-operator.dev/docs/getting-started/installation/",
    manifest="https://github.com/prometheus-operator/prometheus-operator/releases/latest/download/bundle.yaml",
)
_CERT_MANAGER = Installation(
    name="cert-manager",
    docs="https://cert-manager.io/docs/installation/",
    manifest="https://github.com/cert-manager/cert-manager/releases/latest/download/cert-manager.yaml",
)
_GATEWAY_API = Installation(
    name="the Gateway API",
    docs="https://gateway-api.sigs.k8s.io/guides/getting-started/",
    manifest="https://github.com/kubernetes-sigs/gateway-api/releases/latest/download/standard-install.yaml",
)
_TRAEFIK = Installation(
    name="the custom resource definitions of Traefik",
    docs="https://doc.traefik.io/traefik/reference/install-configuration/providers/kubernetes/kubernetes-crd/",
)
_CILIUM = Installation(name="Cilium", docs="https://docs.cilium.io/en/stable/gettingstarted/k8s-install-default/")
_CLOUDNATIVE_PG = Installation(
    name="CloudNativePG",
    docs="https://cloudnative-pg.io/documentation/current/installation_upgrade/",
)
_BARMAN_CLOUD = Installation(
    name="the Barman Cloud plugin of CloudNativePG",
    docs="https://cloudnative-pg.io/plugin-barman-cloud/docs/installation/",
)

SERVICE_MONITOR = CustomKind(
    api_version="monitoring.coreos.com/v1", kind="ServiceMonitor", served_by=_PROMETHEUS_OPERATOR
)
PROMETHEUS_RULE = CustomKind(
    api_version="monitoring.coreos.com/v1", kind="PrometheusRule", served_by=_PROMETHEUS_OPERATOR
)
POD_MONITOR = CustomKind(api_version="monitoring.coreos.com/v1", kind="PodMonitor", served_by=_PROMETHEUS_OPERATOR)
CERTIFICATE = CustomKind(api_version="cert-manager.io/v1", kind="Certificate", served_by=_CERT_MANAGER)
CILIUM_NETWORK_POLICY = CustomKind(api_version="cilium.io/v2", kind="CiliumNetworkPolicy", served_by=_CILIUM)
HTTP_ROUTE = CustomKind(api_version="gateway.networking.k8s.io/v1", kind="HTTPRoute", served_by=_GATEWAY_API)
GATEWAY = CustomKind(api_version="gateway.networking.k8s.io/v1", kind="Gateway", served_by=_GATEWAY_API)
TRAEFIK_MIDDLEWARE = CustomKind(api_version="traefik.io/v1alpha1", kind="Middleware", served_by=_TRAEFIK)
_CNPG = "postgresql.cnpg.io/v1"
CNPG_CLUSTER = CustomKind(api_version=_CNPG, kind="Cluster", served_by=_CLOUDNATIVE_PG)
CNPG_DATABASE = CustomKind(api_version=_CNPG, kind="Database", served_by=_CLOUDNATIVE_PG)
CNPG_POOLER = CustomKind(api_version=_CNPG, kind="Pooler", served_by=_CLOUDNATIVE_PG)
CNPG_SCHEDULED_BACKUP = CustomKind(api_version=_CNPG, kind="ScheduledBackup", served_by=_CLOUDNATIVE_PG)
BARMAN_OBJECT_STORE = CustomKind(api_version="barmancloud.cnpg.io/v1", kind="ObjectStore", served_by=_BARMAN_CLOUD)


def custom_object(
    name: str,
    kind: CustomKind,
    *,
    metadata: "ObjectMetaArgsDict",
    spec: Mapping[str, Any],
    opts: "pulumi.ResourceOptions",
) -> "CustomResource":
    """An object of a custom kind.

    Args:
        name: name of the resource.
        kind: its kind, which the settings name among those that they need.
        metadata: metadata of the object.
        spec: its `spec`.
        opts: resource options.
    """
    from pulumi_kubernetes.apiextensions import CustomResource

    return CustomResource(
        name, api_version=kind.api_version, kind=kind.kind, metadata=metadata, spec=dict(spec), opts=opts
    )
