"""Ingress controllers and Gateway implementations: the sources of their connections to the web pods, and the settings
that they read."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeVar

from ..blocks.labels import NAMESPACE_NAME
from .names import SERVICE

IngressControllerName = Literal[
    "ingress-nginx", "f5-nginx", "traefik", "haproxy", "openshift", "cilium", "gke", "aws-alb", "other"
]
GatewayControllerName = Literal[
    "traefik", "envoy-gateway", "istio", "nginx-gateway-fabric", "kgateway", "contour", "cilium", "gke", "other"
]

_Name = TypeVar("_Name", bound=str)

STICKY_COOKIE = "open-webui-replica"

GATEWAY_NAME_LABEL = "gateway.networking.k8s.io/gateway-name"
"""Label of the pods that a controller starts for a Gateway: https://gateway-api.sigs.k8s.io/geps/gep-1762/"""


@dataclass(frozen=True, kw_only=True)
class Clients:
    """Sources of connections to the web pods."""

    pods: tuple[tuple[Mapping[str, str], Mapping[str, str]], ...] = ()
    """Labels of namespaces and of the pods in them; empty pod labels select every pod."""

    cidrs: tuple[str, ...] = ()
    cilium_entities: tuple[str, ...] = ()


def combined(each: Iterable[Clients]) -> Clients:
    """The union, without duplicates."""
    clients = list(each)
    pods: list[tuple[Mapping[str, str], Mapping[str, str]]] = []
    for peer in (peer for one in clients for peer in one.pods):
        if peer not in pods:
            pods.append(peer)
    return Clients(
        pods=tuple(pods),
        cidrs=tuple(dict.fromkeys(cidr for one in clients for cidr in one.cidrs)),
        cilium_entities=tuple(dict.fromkeys(entity for one in clients for entity in one.cilium_entities)),
    )


@dataclass(frozen=True, kw_only=True)
class Controller:
    """The properties of an installation of the controller with default values."""

    classes: tuple[str, ...] = ()
    """IngressClasses or GatewayClasses that it creates."""

    namespace: str | None = None
    """Namespace of the pods that connect."""

    namespace_labels: Mapping[str, str] = field(default_factory=dict)
    """Labels of the namespaces of the pods that connect, in place of a name."""

    beside_gateway: bool = False
    """Whether the pods that connect are in the namespace of the Gateway, with `GATEWAY_NAME_LABEL`."""

    cidrs: tuple[str, ...] = ()
    """Addresses that connect, for a load balancer outside the cluster."""

    cilium_entities: tuple[str, ...] = ()
    """Entities of Cilium that connect, for a proxy that is not a pod."""

    annotations: Mapping[str, str] = field(default_factory=dict)
    """Annotations of the Ingress that Open WebUI always needs."""

    tls_annotations: Mapping[str, str] = field(default_factory=dict)
    """Annotations of an Ingress that ends TLS, beside its Secret."""

    timeouts: Mapping[str, str] = field(default_factory=dict)
    """Annotations of the Ingress for the longest time without data on a connection; the value is a format string with
    ``seconds``."""

    body_size: str | None = None
    """Annotation of the Ingress with the largest body, as nginx writes sizes."""

    https_redirect: Mapping[bool, Mapping[str, str]] = field(default_factory=dict)
    """Annotations of the Ingress that turn the redirect from http to https on, also if TLS ends before the controller,
    or off."""

    sticky_annotations: Mapping[str, str] = field(default_factory=dict)
    """Annotations of the Ingress that keep a browser on one replica."""

    sticky_service_annotations: Mapping[str, str] = field(default_factory=dict)
    """The same on the Service behind the Ingress."""

    listener_ports: tuple[int, int] = (80, 443)
    """Ports of the http and https listeners of a Gateway of the stack."""

    route_timeouts: bool = True
    """Whether it accepts an HTTPRoute with `timeouts`."""

    reads_middlewares: bool = False
    """Whether it is Traefik, which repeats a request whose connection failed only with a Middleware."""

    is_retired: bool = False
    """Whether upstream has ended its maintenance."""

    @property
    def is_known_peer(self) -> bool:
        """Whether the sources of its connections are known."""
        return bool(
            self.namespace or self.namespace_labels or self.beside_gateway or self.cidrs or self.cilium_entities
        )

    @property
    def can_be_sticky(self) -> bool:
        """Whether annotations of the stack can keep a browser on one replica."""
        return bool(self.sticky_annotations or self.sticky_service_annotations)

    def clients(
        self, namespace: str | None, pod_labels: Mapping[str, str], cidrs: Sequence[str], *, gateway: str | None = None
    ) -> Clients:
        """The sources of its connections.

        Args:
            namespace: namespace of its pods; None: the namespace of its default installation.
            pod_labels: labels of its pods; empty for every pod of the namespace.
            cidrs: further addresses.
            gateway: name of the Gateway, for a controller that starts pods for each.
        """
        own = {GATEWAY_NAME_LABEL: gateway} if self.beside_gateway and gateway else {}
        pods: tuple[tuple[Mapping[str, str], Mapping[str, str]], ...] = ()
        if name := namespace or self.namespace:
            pods = (({NAMESPACE_NAME: name}, pod_labels or own),)
        elif self.namespace_labels:
            pods = ((self.namespace_labels, {}),)
        return Clients(pods=pods, cidrs=(*self.cidrs, *cidrs), cilium_entities=self.cilium_entities)


_NGINX_TIMEOUTS = {
    "nginx.ingress.kubernetes.io/proxy-read-timeout": "{seconds}",
    "nginx.ingress.kubernetes.io/proxy-send-timeout": "{seconds}",
}
_NGINX_BODY_SIZE = "nginx.ingress.kubernetes.io/proxy-body-size"
_NGINX_REDIRECT = {
    True: {"nginx.ingress.kubernetes.io/force-ssl-redirect": "true"},
    False: {"nginx.ingress.kubernetes.io/ssl-redirect": "false"},
}
_NGINX_STICKY = {
    "nginx.ingress.kubernetes.io/affinity": "cookie",
    "nginx.ingress.kubernetes.io/session-cookie-name": STICKY_COOKIE,
    # Without it, it repeats a request that failed at the replica that the cookie names, and does not try another.
    "nginx.ingress.kubernetes.io/session-cookie-change-on-failure": "true",
}
_TRAEFIK_STICKY = {
    "traefik.ingress.kubernetes.io/service.sticky.cookie": "true",
    "traefik.ingress.kubernetes.io/service.sticky.cookie.name": STICKY_COOKIE,
    "traefik.ingress.kubernetes.io/service.sticky.cookie.httponly": "true",
}
# Its Envoy, for Ingresses and Gateways, has an identity but is not a pod:
# https://docs.cilium.io/en/stable/network/servicemesh/ingress-and-network-policy/
_CILIUM = Controller(classes=("cilium",), cilium_entities=("ingress",))
# Google's front ends and health checks, for container-native load balancing:
# https://cloud.google.com/load-balancing/docs/firewall-rules
_GOOGLE = ("35.191.0.0/16", "130.211.0.0/22")

INGRESS_CONTROLLERS: Mapping[IngressControllerName, Controller] = {
    # https://kubernetes.io/blog/2025/11/11/ingress-nginx-retirement/
    "ingress-nginx": Controller(
        classes=("nginx",),
        namespace="ingress-nginx",
        timeouts=_NGINX_TIMEOUTS,
        body_size=_NGINX_BODY_SIZE,
        https_redirect=_NGINX_REDIRECT,
        sticky_annotations=_NGINX_STICKY,
        is_retired=True,
    ),
    # https://docs.nginx.com/nginx-ingress-controller/configuration/ingress-resources/advanced-configuration-with-annotations/
    "f5-nginx": Controller(
        classes=("nginx",),
        namespace="nginx-ingress",
        annotations={
            # It upgrades only connections to the named Services.
            "nginx.org/websocket-services": SERVICE,
            # By default it holds back a streamed answer until a buffer is full.
            "nginx.org/proxy-buffering": "False",
            # By default it waits 60 s for a node that has gone before it tries another replica.
            "nginx.org/proxy-connect-timeout": "5s",
        },
        timeouts={"nginx.org/proxy-read-timeout": "{seconds}s", "nginx.org/proxy-send-timeout": "{seconds}s"},
        body_size="nginx.org/client-max-body-size",
        https_redirect={
            True: {"nginx.org/redirect-to-https": "True"},
            False: {"ingress.kubernetes.io/ssl-redirect": "False"},
        },
    ),
    # It reads the cookie annotation from the Service, has no body limit, and reads timeouts from its entry point.
    "traefik": Controller(
        classes=("traefik",),
        namespace="traefik",
        # With the Secret alone, it loads the certificate, but the router answers https only at an entry point with TLS,
        # such as that of the Helm chart, and plain http at others.
        tls_annotations={"traefik.ingress.kubernetes.io/router.tls": "true"},
        sticky_service_annotations=_TRAEFIK_STICKY,
        reads_middlewares=True,
    ),
    # HAProxy Technologies' own: https://github.com/haproxytech/kubernetes-ingress/blob/master/documentation/annotations.md
    "haproxy": Controller(
        classes=("haproxy",),
        namespace="haproxy-controller",
        # By default it repeats a refused connection three times at the same server.
        annotations={"haproxy.org/backend-config-snippet": "option redispatch 1"},
        timeouts={"haproxy.org/timeout-server": "{seconds}s"},
        https_redirect={
            True: {"haproxy.org/ssl-redirect": "true"},
            False: {"haproxy.org/ssl-redirect": "false"},
        },
    ),
    # Selects the routers on the pod network and on the host network alike (OpenShift 4.7 release notes, 1.3.5.11).
    "openshift": Controller(
        classes=("openshift-default",),
        namespace_labels={"policy-group.network.openshift.io/ingress": ""},
        # https://docs.openshift.com/container-platform/latest/networking/routes/route-configuration.html
        timeouts={"haproxy.router.openshift.io/timeout": "{seconds}s"},
    ),
    "cilium": _CILIUM,
    # GKE reads no class.
    "gke": Controller(cidrs=_GOOGLE),
    # In IP mode the load balancer connects from its own subnets, which only the user knows.
    "aws-alb": Controller(classes=("alb",)),
    # It may be another installation of ingress-nginx or Traefik; other controllers ignore these annotations.
    "other": Controller(
        timeouts=_NGINX_TIMEOUTS,
        body_size=_NGINX_BODY_SIZE,
        https_redirect=_NGINX_REDIRECT,
        sticky_annotations=_NGINX_STICKY,
        sticky_service_annotations=_TRAEFIK_STICKY,
    ),
}

GATEWAY_CONTROLLERS: Mapping[GatewayControllerName, Controller] = {
    # A listener needs the port of an entry point. These are the ports of the Helm chart, whose Service maps 80 and 443
    # to them.
    "traefik": Controller(
        classes=("traefik",), namespace="traefik", listener_ports=(8000, 8443), reads_middlewares=True
    ),
    # https://gateway.envoyproxy.io/docs/tasks/operations/gateway-namespace-mode/: by default all proxies are there.
    "envoy-gateway": Controller(classes=("eg",), namespace="envoy-gateway-system"),
    # https://istio.io/latest/docs/tasks/traffic-management/ingress/gateway-api/#automated-deployment
    "istio": Controller(classes=("istio",), beside_gateway=True),
    # https://docs.nginx.com/nginx-gateway-fabric/overview/gateway-architecture/
    "nginx-gateway-fabric": Controller(classes=("nginx",), beside_gateway=True),
    # https://kgateway.dev/docs/main/about/architecture/
    "kgateway": Controller(classes=("kgateway",), beside_gateway=True),
    "contour": Controller(classes=("contour",), namespace="projectcontour"),
    "cilium": _CILIUM,
    # Timeouts are those of a GCPBackendPolicy:
    # https://cloud.google.com/kubernetes-engine/docs/how-to/gatewayclass-capabilities
    "gke": Controller(classes=("gke-l7-global-external-managed", "gke-l7-gxlb"), cidrs=_GOOGLE, route_timeouts=False),
    "other": Controller(),
}


def controller_of(
    controllers: Mapping[_Name, Controller], class_name: str | None, namespace: str | None
) -> _Name | None:
    """The controller that creates the class. If several do, the one whose default namespace is ``namespace``. For an
    unknown class, the controller of the namespace.
    """
    of_class = [name for name, each in controllers.items() if class_name in each.classes]
    of_namespace = controller_of_namespace({name: controllers[name] for name in of_class or controllers}, namespace)
    return of_namespace or (of_class[0] if of_class else None)


def controller_of_namespace(controllers: Mapping[_Name, Controller], namespace: str | None) -> _Name | None:
    """The controller that is installed in the namespace of that name."""
    return next((name for name, each in controllers.items() if namespace and namespace == each.namespace), None)
