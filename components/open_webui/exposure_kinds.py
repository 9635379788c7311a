"""Custom kinds that the exposure needs in the cluster."""

from collections.abc import Iterator

from ..blocks.custom_kinds import CERTIFICATE, CILIUM_NETWORK_POLICY, GATEWAY, HTTP_ROUTE, KindsNeeded
from .gateway_settings import GatewaySettings
from .ingress_settings import IngressSettings


def exposure_kinds(ingress: IngressSettings, gateway: GatewaySettings) -> Iterator[KindsNeeded]:
    """The custom kinds, by the key that asks for them."""
    if gateway.enabled:
        kinds = (HTTP_ROUTE, GATEWAY) if gateway.is_own else (HTTP_ROUTE,)
        yield KindsNeeded(key="openWebui.gateway.enabled", value="true", off="false", kinds=kinds)
    for name, each in (("ingress", ingress), ("gateway", gateway)):
        if each.clients.cilium_entities:
            key = f"openWebui.{name}.controller"
            yield KindsNeeded(key=key, value="cilium", off="<controller>", kinds=(CILIUM_NETWORK_POLICY,))
        if each.issuer.name:
            # cert-manager creates the certificate for the annotation; without it the Secret never exists.
            key = f"openWebui.{name}.issuer.name"
            yield KindsNeeded(key=key, value=each.issuer.name, off="", kinds=(CERTIFICATE,))
