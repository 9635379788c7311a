"""Settings of the HTTPRoute and its Gateway."""

from collections.abc import Iterator

from pydantic import Field

from ..blocks.addresses import HIGHEST_PORT, Cidr
from ..blocks.base_settings import Fix, Problem, Settings
from ..blocks.issuer import IssuerSettings
from ..blocks.metadata_names import MetadataName, PublicText
from ..blocks.names import ExistingNamespace, ObjectName, Text
from .controllers import GATEWAY_CONTROLLERS, Clients, Controller, GatewayControllerName, controller_of
from .names import GATEWAY

CERTIFICATE_SECRET = "open-webui-gateway-tls"
"""Secret that cert-manager writes for the Gateway of the stack, unless the settings name another. Two certificates of
cert-manager cannot share a Secret, and an Ingress may exist at the same time."""


class ParentRefSettings(Settings):
    """An existing Gateway."""

    name: ObjectName | None = Field(None, examples=["public"], description="Name of the existing Gateway.")
    namespace: ExistingNamespace | None = Field(
        None, examples=["gateways"], description="Namespace of the Gateway. Default: that of the stack."
    )
    section_name: ObjectName | None = Field(
        None, examples=["https"], description="Listener of the Gateway. Default: all listeners that match the hosts."
    )

    def problems(self) -> Iterator[Problem]:
        for key, value in (("namespace", self.namespace), ("sectionName", self.section_name)):
            if value and not self.name:
                yield Problem(
                    keys=("name", key),
                    message=f"{key} {value} without name: there is no Gateway",
                    allowed="the name of an existing Gateway",
                    fix="public",
                )


class GatewaySettings(Settings):
    """The HTTPRoute, and an existing Gateway or one of the stack."""

    enabled: bool = Field(
        False, description="Create an HTTPRoute for `openWebui.host`. Needs the Gateway API's standard channel."
    )
    parent_ref: ParentRefSettings = Field(
        ParentRefSettings(), description="An existing Gateway, whose listeners admit routes of the stack's namespace."
    )
    class_name: ObjectName | None = Field(
        None,
        examples=["traefik"],
        description="GatewayClass of a Gateway that the stack creates, in place of an existing one.",
    )
    controller: GatewayControllerName | None = Field(
        None,
        description="Implementation of the Gateway, which determines the sources of its connections. Default: "
        "derived from `className` or `controllerNamespace`, otherwise `other`, which requires "
        "`controllerNamespace` or `allowedCidrs`.",
    )
    controller_namespace: ExistingNamespace | None = Field(
        None,
        examples=["envoy-gateway-system"],
        description="Namespace of the pods that connect. Default: that of the implementation's own installation, or of "
        "the Gateway for Istio, kgateway and NGINX Gateway Fabric.",
    )
    controller_labels: dict[MetadataName, Text] = Field(
        {}, description="Labels of these pods. Default: those of the Gateway's pods, or every pod of the namespace."
    )
    allowed_cidrs: list[Cidr] = Field(
        [], description="Further addresses that may connect, such as the proxy-only subnet of a load balancer of GKE."
    )
    http_port: int | None = Field(
        None,
        ge=1,
        le=HIGHEST_PORT,
        description="Port of the http listener of the stack's Gateway. Default: 80; for Traefik 8000, the port of its "
        "entry point.",
    )
    https_port: int | None = Field(
        None,
        ge=1,
        le=HIGHEST_PORT,
        description="Port of the https listeners of the stack's Gateway. Default: 443; for Traefik 8443.",
    )
    tls_secret_name: ObjectName | None = Field(
        None,
        examples=["open-webui-tls"],
        description="Secret of type kubernetes.io/tls in the stack's namespace, for the https listeners of the stack's "
        f"Gateway. Default: no https; with `issuer.name` `{CERTIFICATE_SECRET}`, which cert-manager writes.",
    )
    issuer: IssuerSettings = Field(
        IssuerSettings(),
        description="An issuer of cert-manager, which writes the certificate of the stack's Gateway. Needs its support "
        "of the Gateway API (`enableGatewayAPI`).",
    )
    redirect_to_https: bool = Field(True, description="Redirect from http to https, if the stack's Gateway ends TLS.")
    request_timeout_seconds: int = Field(
        0,
        ge=0,
        le=86_400,
        description="Longest request of the HTTPRoute in seconds, including its answer. 0: no limit, because an "
        "answer can stream for minutes. Traefik ignores it; for GKE the stack omits it.",
    )
    retry_connections: bool = Field(
        False,
        description="Repeat a request at another replica if the connection to the first one fails, by a `Middleware` "
        "of Traefik. Needs its provider `kubernetesCRD`: without the provider, Traefik serves no request.",
    )
    annotations: dict[MetadataName, PublicText] = Field(
        {}, description="Further annotations of the HTTPRoute and of the Gateway of the stack."
    )

    @property
    def peers(self) -> Controller:
        """The implementation; `other` if it cannot be derived from the settings."""
        return GATEWAY_CONTROLLERS[self._controller or "other"]

    @property
    def is_own(self) -> bool:
        """Whether the stack creates the Gateway."""
        return self.enabled and self.class_name is not None

    @property
    def clients(self) -> Clients:
        """Sources of connections to the web pods; empty without a Gateway."""
        if not self.enabled:
            return Clients()
        # In the stack's own namespace the labels alone would be enough, but such a Gateway is refused.
        namespace = self.controller_namespace or (self.parent_ref.namespace if self.peers.beside_gateway else None)
        return self.peers.clients(
            namespace, self.controller_labels, self.allowed_cidrs, gateway=self.parent_ref.name or GATEWAY
        )

    @property
    def tls_secret(self) -> str | None:
        """Secret with the certificate of the stack's Gateway; None if it ends no TLS."""
        return self.tls_secret_name or (CERTIFICATE_SECRET if self.issuer.name else None)

    @property
    def listener_ports(self) -> tuple[int, int]:
        """Ports of the listeners for http and https of the stack's Gateway."""
        http, https = self.peers.listener_ports
        return self.http_port or http, self.https_port or https

    @property
    def redirects(self) -> bool:
        """Whether the stack's Gateway answers http with a redirect to https."""
        return self.is_own and self.tls_secret is not None and self.redirect_to_https

    @property
    def _controller(self) -> GatewayControllerName | None:
        return self.controller or controller_of(GATEWAY_CONTROLLERS, self.class_name, self.controller_namespace)

    def problems(self) -> Iterator[Problem]:
        if not self.enabled:
            yield from self._unused()
            return
        if bool(self.parent_ref.name) == bool(self.class_name):
            yield Problem(
                keys=("parentRef.name", "className"),
                message=f"parentRef.name {self.parent_ref.name} conflicts with className {self.class_name}: the route "
                "has one Gateway"
                if self.class_name
                else "enabled without parentRef.name and className: there is no Gateway",
                allowed="parentRef.name for an existing Gateway, or className for one of the stack",
                fix=Fix.REMOVE if self.class_name else "public",
            )
        yield from self._peer_problems()
        if self.retry_connections and not self.peers.reads_middlewares:
            yield Problem(
                keys=("retryConnections", "controller"),
                message=f"retryConnections has no effect with controller {self._controller or 'other'}, which does not "
                "read a Middleware of Traefik",
                allowed="controller traefik if Traefik serves the Gateway, else a policy of the implementation itself "
                "(docs/exposure.md)",
                fix=Fix.REMOVE,
            )
        if self.parent_ref.name and not self.class_name:
            yield from self._gateway_of_others()

    def _peer_problems(self) -> Iterator[Problem]:
        if self.peers.beside_gateway and not (self.parent_ref.namespace or self.controller_namespace):
            yield Problem(
                keys=("className" if self.class_name else "parentRef.namespace", "controller"),
                message=f"controller {self._controller} runs its proxy in the namespace of the Gateway, and "
                "that of the stack has a quota and network policies without room for it",
                allowed="a Gateway in another namespace: parentRef.name and parentRef.namespace",
                fix=Fix.REMOVE if self.class_name else "gateways",
            )
        elif not (self.peers.is_known_peer or self.controller_namespace or self.allowed_cidrs):
            yield Problem(
                keys=("controller", "className"),
                message="it is not known who serves the Gateway: the network policy would refuse its connections",
                allowed=f"{' | '.join(GATEWAY_CONTROLLERS)}, with controllerNamespace or allowedCidrs for other",
                fix="traefik",
            )
        if self.controller_labels and not self.clients.pods:
            yield Problem(
                keys=("controllerLabels", "controllerNamespace"),
                message="controllerLabels without controllerNamespace: labels of pods in no namespace",
                allowed="both, or neither",
                fix=Fix.REMOVE,
            )

    def _gateway_of_others(self) -> Iterator[Problem]:
        """Settings that apply only to the stack's own Gateway."""
        for key, is_set in (
            ("tlsSecretName", self.tls_secret_name is not None),
            ("issuer.name", self.issuer.name is not None),
            ("httpPort", self.http_port is not None),
            ("httpsPort", self.https_port is not None),
            ("redirectToHttps", "redirect_to_https" in self.model_fields_set),
        ):
            if is_set:
                yield Problem(
                    keys=(key, "parentRef.name"),
                    message=f"{key} has no effect with parentRef.name: the existing Gateway has its own listeners",
                    allowed="set only with className; openWebui.publicScheme says how browsers come",
                    fix=Fix.REMOVE,
                )

    def _unused(self) -> Iterator[Problem]:
        fields = type(self).model_fields
        for name in sorted(self.model_fields_set - {"enabled"}):
            yield Problem(
                keys=(fields[name].alias or name, "enabled"),
                message=f"{fields[name].alias or name} without a gateway has no effect",
                allowed="set only with enabled: true",
                fix=Fix.REMOVE,
            )
