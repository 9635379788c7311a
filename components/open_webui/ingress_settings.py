"""Settings of the Ingress, and the sources of connections of its controller or of the user's own Gateway."""

from collections.abc import Iterator, Mapping

from pydantic import Field

from ..blocks.addresses import Cidr
from ..blocks.base_settings import Fix, Problem, Settings
from ..blocks.issuer import IssuerSettings
from ..blocks.metadata_names import MetadataName, PublicText
from ..blocks.names import ExistingNamespace, ObjectName, Text
from ..blocks.quantities import MEBIBYTE, Bytes, quantity
from .controllers import (
    INGRESS_CONTROLLERS,
    Clients,
    Controller,
    IngressControllerName,
    controller_of,
    controller_of_namespace,
)

CERTIFICATE_SECRET = "open-webui-tls"
"""Secret that cert-manager writes for the Ingress, unless the settings name another."""

LEAST_BODY_SIZE = 100 * MEBIBYTE
"""Default for the largest body in bytes, if Open WebUI does not accept larger files."""

BODY_AROUND_FILE = MEBIBYTE
"""How much larger a form may be than its file, in bytes."""

_PEERS: Mapping[str, str] = {
    "controller": "controller",
    "controllerNamespace": "controller_namespace",
    "allowedCidrs": "allowed_cidrs",
}
"""Keys that name the clients, and their fields."""


class IngressSettings(Settings):
    """The Ingress, and the clients that may connect to the web pods."""

    enabled: bool = Field(False, description="Create an Ingress for `openWebui.host`.")
    class_name: ObjectName | None = Field(
        None, examples=["traefik"], description="IngressClass. Default: the cluster's default class."
    )
    controller: IngressControllerName | None = Field(
        None,
        description="Ingress controller or Gateway, which determines the sources of its connections and the "
        "annotations of the Ingress. Default: derived from `className` or `controllerNamespace`, "
        "otherwise `other`, which requires `controllerNamespace` or `allowedCidrs`. Upstream has "
        "retired `ingress-nginx`.",
    )
    controller_namespace: ExistingNamespace | None = Field(
        None,
        examples=["traefik"],
        description="Namespace of the controller's pods. Default: that of its own installation (`ingress-nginx`, "
        "`nginx-ingress` for F5, `traefik`, `haproxy-controller`).",
    )
    controller_labels: dict[MetadataName, Text] = Field(
        {}, description="Labels of the controller's pods. Default: every pod of its namespace."
    )
    allowed_cidrs: list[Cidr] = Field(
        [],
        description="Further addresses that may connect: nodes, for a controller on the host network; subnets of a "
        "load balancer that connects to pods (AWS in IP mode, an internal one of GKE).",
    )
    tls_secret_name: ObjectName | None = Field(
        None,
        examples=["open-webui-tls"],
        description="Secret of type kubernetes.io/tls in the stack's namespace. Default: the Ingress ends no TLS; with "
        f"`issuer.name` `{CERTIFICATE_SECRET}`, which cert-manager writes.",
    )
    issuer: IssuerSettings = Field(
        IssuerSettings(), description="An issuer of cert-manager, which writes the certificate into the TLS Secret."
    )
    max_body_size: Bytes | None = Field(
        None,
        examples=["200Mi"],
        description="Largest request body, for controllers with such a limit (ingress-nginx, F5's NGINX). Default: "
        "`100Mi`, and room for a file of `openWebui.env.RAG_FILE_MAX_SIZE`.",
    )
    timeout_seconds: int = Field(
        3600,
        ge=60,
        le=86_400,
        description="Longest time without data on a websocket, a streamed answer or an upload, for controllers that "
        "read it from the Ingress (ingress-nginx, F5's NGINX, HAProxy, OpenShift). Traefik reads it "
        "from its entry point.",
    )
    redirect_to_https: bool | None = Field(
        None,
        description="`true`: redirect from http, also if TLS ends before the controller. `false`: do not redirect "
        "(ingress-nginx, F5's NGINX, HAProxy). Default: the controller redirects if the Ingress ends "
        "TLS.",
    )
    sticky_sessions: bool = Field(
        False,
        description="Keep a browser on one replica by cookie (ingress-nginx, Traefik). Helps pages that are opened "
        "while an upgrade rolls; not needed otherwise.",
    )
    retry_connections: bool = Field(
        False,
        description="Repeat a request at another replica if the connection to the first one fails, by a `Middleware` "
        "of Traefik. Needs its provider `kubernetesCRD`: without the provider, Traefik answers every request with 404.",
    )
    traefik_safe_naming: bool = Field(
        False,
        description="Whether the provider `kubernetesCRD` of Traefik has `safeNaming`, which changes the name of the "
        "`Middleware` in the Ingress. With the wrong name, Traefik answers every request with 404.",
    )
    annotations: dict[MetadataName, PublicText] = Field({}, description="Further annotations of the Ingress.")
    wait_for_address: bool = Field(
        False, description="Let `pulumi up` wait until the controller reports an address (10 minutes at most)."
    )

    @property
    def is_exposed(self) -> bool:
        """Whether clients outside the namespace connect: the Ingress controller, or the user's own Gateway or Route."""
        return self.enabled or any(getattr(self, name) for name in _PEERS.values())

    @property
    def peers(self) -> Controller:
        """The controller; `other` if it cannot be derived from the settings."""
        return INGRESS_CONTROLLERS[self._controller or "other"]

    @property
    def namespace(self) -> str | None:
        """Namespace of the pods that connect; None when they are not selected by its name."""
        return self.controller_namespace or self.peers.namespace

    @property
    def clients(self) -> Clients:
        """Sources of connections to the web pods; empty without an exposure."""
        if not self.is_exposed:
            return Clients()
        return self.peers.clients(self.controller_namespace, self.controller_labels, self.allowed_cidrs)

    @property
    def tls_secret(self) -> str | None:
        """Secret with the certificate; None if the Ingress ends no TLS."""
        return self.tls_secret_name or (CERTIFICATE_SECRET if self.issuer.name else None)

    def body_size(self, file_limit: int | None) -> int:
        """Largest body in bytes.

        Args:
            file_limit: the application's own limit of a file in bytes; None without one.
        """
        if self.max_body_size:
            return int(quantity(self.max_body_size))
        return max(LEAST_BODY_SIZE, (file_limit or 0) + BODY_AROUND_FILE)

    @property
    def _controller(self) -> IngressControllerName | None:
        return self.controller or controller_of(INGRESS_CONTROLLERS, self.class_name, self.controller_namespace)

    def problems(self) -> Iterator[Problem]:
        yield from self._unused()
        if not self.is_exposed:
            return
        by_class = controller_of(INGRESS_CONTROLLERS, self.class_name, None)
        by_namespace = controller_of_namespace(INGRESS_CONTROLLERS, self.controller_namespace)
        if (
            not self.controller
            and by_class
            and by_namespace
            and self.class_name not in INGRESS_CONTROLLERS[by_namespace].classes
        ):
            yield Problem(
                keys=("controllerNamespace", "className"),
                message=f"className {self.class_name} is the class of {by_class}, and controllerNamespace "
                f"{self.controller_namespace} the namespace of {by_namespace}: the controller could not connect",
                allowed="the namespace of the controller that serves the class, or controller with it",
                fix=INGRESS_CONTROLLERS[by_class].namespace or "",
            )
        elif not (self.peers.is_known_peer or self.controller_namespace or self.allowed_cidrs):
            yield self._unknown_peer()
        elif self.sticky_sessions and not self.peers.can_be_sticky:
            yield Problem(
                keys=("stickySessions", "controller"),
                message=f"stickySessions has no effect with controller {self._controller or 'other'}",
                allowed="false; for sticky sessions, set its own annotations in ingress.annotations",
                fix="false",
            )
        else:
            yield from self._not_read()

    def _unknown_peer(self) -> Problem:
        if self._controller:
            return Problem(
                keys=("allowedCidrs", "controller"),
                message=f"controller {self._controller} without controllerNamespace or allowedCidrs: nothing could "
                "connect",
                allowed="the namespace of its pods, or the addresses that it connects from",
                fix="10.20.0.0/16",
            )
        of_class = f"className {self.class_name}" if self.class_name else "the cluster's default class"
        return Problem(
            keys=("controller", "className"),
            message=f"it is not known who serves {of_class}: the network policy would refuse its connections",
            allowed=f"{' | '.join(INGRESS_CONTROLLERS)}, or controllerNamespace",
            fix="traefik",
        )

    def _not_read(self) -> Iterator[Problem]:
        """Settings for which the controller has no annotation."""
        or_named = "" if self._controller else ", or controller with its name"
        for key, is_set, annotation in (
            ("maxBodySize", self.max_body_size is not None, self.peers.body_size),
            ("timeoutSeconds", "timeout_seconds" in self.model_fields_set, self.peers.timeouts),
            ("redirectToHttps", self.redirect_to_https is not None, self.peers.https_redirect),
            ("retryConnections", self.retry_connections, self.peers.reads_middlewares),
        ):
            if self.enabled and is_set and not annotation:
                yield Problem(
                    keys=(key, "controller"),
                    message=f"{key} has no effect with controller {self._controller or 'other'}, which does not read "
                    "it from an Ingress",
                    allowed=f"a setting of the controller itself{or_named} (docs/exposure.md)",
                    fix=Fix.REMOVE,
                )
        if self.enabled and self.traefik_safe_naming and not self.retry_connections:
            yield Problem(
                keys=("traefikSafeNaming", "retryConnections"),
                message="traefikSafeNaming has no effect without retryConnections, which creates the Middleware",
                allowed="set only with retryConnections: true",
                fix=Fix.REMOVE,
            )

    def _unused(self) -> Iterator[Problem]:
        for key, value in (
            ("stickySessions", self.sticky_sessions),
            ("tlsSecretName", self.tls_secret_name),
            ("issuer.name", self.issuer.name),
            ("maxBodySize", self.max_body_size),
            ("timeoutSeconds", "timeout_seconds" in self.model_fields_set),
            ("redirectToHttps", self.redirect_to_https is not None),
            ("retryConnections", self.retry_connections),
            ("traefikSafeNaming", self.traefik_safe_naming),
            ("className", self.class_name),
            ("annotations", self.annotations),
            ("waitForAddress", self.wait_for_address),
        ):
            if value and not self.enabled:
                yield Problem(
                    keys=(key, "enabled"),
                    message=f"{key} without an ingress has no effect",
                    allowed="set only with enabled: true",
                    fix=Fix.REMOVE,
                )
        if self.controller_labels and not self.namespace:
            yield Problem(
                keys=("controllerLabels", "controllerNamespace"),
                message="controllerLabels without controllerNamespace: labels of pods in no namespace",
                allowed="both, or neither",
                fix=Fix.REMOVE,
            )
