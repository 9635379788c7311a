"""What the exposure needs in the cluster: custom kinds, and Secrets with certificates."""

from collections.abc import Iterator

from ..blocks.custom_kinds import (
    CERTIFICATE,
    CILIUM_NETWORK_POLICY,
    GATEWAY,
    HTTP_ROUTE,
    TRAEFIK_MIDDLEWARE,
    KindsNeeded,
)
from ..blocks.needed_objects import NeededObject
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
        if each.retry_connections:
            key = f"openWebui.{name}.retryConnections"
            yield KindsNeeded(key=key, value="true", off="false", kinds=(TRAEFIK_MIDDLEWARE,))
        if each.issuer.name:
            # cert-manager creates the certificate for the annotation. Without cert-manager the Secret never exists.
            key = f"openWebui.{name}.issuer.name"
            yield KindsNeeded(key=key, value=each.issuer.name, off="", kinds=(CERTIFICATE,))


def exposure_objects(ingress: IngressSettings, gateway: GatewaySettings) -> Iterator[NeededObject]:
    """The Secrets with certificates, by the key that names them.

    None of them is required: a controller serves without it, and cert-manager may write it because of a Certificate or
    an annotation of the user. With an issuer in the settings, cert-manager writes it.
    """
    for name, each, is_used, consequence in (
        ("ingress", ingress, ingress.enabled, "the controller serves a certificate of its own"),
        ("gateway", gateway, gateway.is_own, "the https listeners are not programmed"),
    ):
        if is_used and each.tls_secret_name and not each.issuer.name:
            yield NeededObject(
                key=f"openWebui.{name}.tlsSecretName",
                name=each.tls_secret_name,
                entries=("tls.crt", "tls.key"),
                consequence=f"{consequence} until it exists",
                is_required=False,
            )
