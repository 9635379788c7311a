"""Ingress controllers: from where they connect to the web pods, and which annotations they read."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

ControllerName = Literal["ingress-nginx", "traefik", "haproxy", "openshift", "cilium", "gke", "aws-alb", "other"]

STICKY_COOKIE = "open-webui-replica"
# A websocket is one long request: ingress-nginx's default of a minute would cut it.
_WEBSOCKET_SECONDS = "3600"
# Uploads of documents; the application has a limit of its own.
_BODY_SIZE = "100m"


@dataclass(frozen=True, kw_only=True)
class Controller:
    """What an installation of the controller with its own defaults has."""

    classes: tuple[str, ...] = ()
    """IngressClasses that it creates."""

    namespace: str | None = None
    """Namespace of the pods that connect."""

    namespace_labels: Mapping[str, str] = field(default_factory=dict)
    """Labels of the namespaces of the pods that connect, in place of a name."""

    cidrs: tuple[str, ...] = ()
    """Addresses that connect, for a load balancer outside the cluster."""

    cilium_entities: tuple[str, ...] = ()
    """Entities of Cilium that connect, for a proxy that is not a pod."""

    annotations: Mapping[str, str] = field(default_factory=dict)
    """Annotations of the Ingress without which websockets are cut and uploads refused."""

    sticky_annotations: Mapping[str, str] = field(default_factory=dict)
    """Annotations of the Ingress that keep a browser on one replica."""

    sticky_service_annotations: Mapping[str, str] = field(default_factory=dict)
    """The same on the Service behind the Ingress."""

    @property
    def is_known_peer(self) -> bool:
        """Whether it is known from where it connects."""
        return bool(self.namespace or self.namespace_labels or self.cidrs or self.cilium_entities)

    @property
    def can_be_sticky(self) -> bool:
        """Whether it can keep a browser on one replica by annotations of the stack."""
        return bool(self.sticky_annotations or self.sticky_service_annotations)


_NGINX = {
    "nginx.ingress.kubernetes.io/proxy-read-timeout": _WEBSOCKET_SECONDS,
    "nginx.ingress.kubernetes.io/proxy-send-timeout": _WEBSOCKET_SECONDS,
    "nginx.ingress.kubernetes.io/proxy-body-size": _BODY_SIZE,
}
_NGINX_STICKY = {
    "nginx.ingress.kubernetes.io/affinity": "cookie",
    "nginx.ingress.kubernetes.io/session-cookie-name": STICKY_COOKIE,
}
_TRAEFIK_STICKY = {
    "traefik.ingress.kubernetes.io/service.sticky.cookie": "true",
    "traefik.ingress.kubernetes.io/service.sticky.cookie.name": STICKY_COOKIE,
    "traefik.ingress.kubernetes.io/service.sticky.cookie.httponly": "true",
}

CONTROLLERS: Mapping[ControllerName, Controller] = {
    "ingress-nginx": Controller(
        classes=("nginx",), namespace="ingress-nginx", annotations=_NGINX, sticky_annotations=_NGINX_STICKY
    ),
    # It reads its cookie off the Service, has no limit for bodies, and its times are those of its entry point.
    "traefik": Controller(classes=("traefik",), namespace="traefik", sticky_service_annotations=_TRAEFIK_STICKY),
    # HAProxy Technologies' own: https://github.com/haproxytech/kubernetes-ingress/tree/master/deploy
    "haproxy": Controller(classes=("haproxy",), namespace="haproxy-controller"),
    # Selects the routers on the pod network and on the host network alike (OpenShift 4.7 release notes, 1.3.5.11).
    "openshift": Controller(
        classes=("openshift-default",), namespace_labels={"policy-group.network.openshift.io/ingress": ""}
    ),
    # Its Envoy, of Ingresses and of Gateways, has an identity and no pod:
    # https://docs.cilium.io/en/stable/network/servicemesh/ingress-and-network-policy/
    "cilium": Controller(classes=("cilium",), cilium_entities=("ingress",)),
    # Google's front ends and health checks, for container-native load balancing. GKE reads no class:
    # https://cloud.google.com/load-balancing/docs/firewall-rules
    "gke": Controller(cidrs=("35.191.0.0/16", "130.211.0.0/22")),
    # In IP mode the load balancer connects from its own subnets, which only the user knows.
    "aws-alb": Controller(classes=("alb",)),
    # It may be another installation of ingress-nginx or Traefik; the others read none of these.
    "other": Controller(
        annotations=_NGINX, sticky_annotations=_NGINX_STICKY, sticky_service_annotations=_TRAEFIK_STICKY
    ),
}


def controller_of_class(class_name: str | None) -> ControllerName | None:
    """The controller that creates the IngressClass of that name."""
    return next((name for name, each in CONTROLLERS.items() if class_name in each.classes), None)


def controller_of_namespace(namespace: str | None) -> ControllerName | None:
    """The controller that is installed in the namespace of that name."""
    return next((name for name, each in CONTROLLERS.items() if namespace and namespace == each.namespace), None)
