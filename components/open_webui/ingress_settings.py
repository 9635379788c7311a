"""Settings of the exposure: the Ingress, and from where its controller or a Gateway connects."""

from collections.abc import Iterator, Mapping

from pydantic import Field

from ..blocks.addresses import Cidr
from ..blocks.base_settings import Fix, Problem, Settings
from ..blocks.names import ExistingNamespace, ObjectName, Text
from .controllers import CONTROLLERS, Controller, ControllerName, controller_of_class, controller_of_namespace
from .environment_names import AnnotationName, PublicText

# https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#syntax-and-character-set
LabelName = AnnotationName

_PEERS: Mapping[str, str] = {
    "controller": "controller",
    "controllerNamespace": "controller_namespace",
    "allowedCidrs": "allowed_cidrs",
}
"""Keys that say who connects, and their fields."""


class IngressSettings(Settings):
    """The Ingress, and who may connect to the web pods."""

    enabled: bool = Field(False, description="Create an Ingress for `openWebui.host`.")
    class_name: ObjectName | None = Field(
        None, examples=["nginx"], description="IngressClass. Default: the cluster's default class."
    )
    controller: ControllerName | None = Field(
        None,
        description="Ingress controller or Gateway: from where it connects, and whose annotations the Ingress gets. "
        "Default: follows from `className` or `controllerNamespace`, else `other`, which needs one of "
        "`controllerNamespace` and `allowedCidrs`.",
    )
    controller_namespace: ExistingNamespace | None = Field(
        None,
        examples=["ingress-nginx"],
        description="Namespace of the controller's pods. Default: that of its own installation (`ingress-nginx`, "
        "`traefik`, `haproxy-controller`).",
    )
    controller_labels: dict[LabelName, Text] = Field(
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
        description="Secret of type kubernetes.io/tls in the stack's namespace. Default: the Ingress ends no TLS.",
    )
    sticky_sessions: bool = Field(
        False, description="Keep a browser on one replica by cookie (ingress-nginx, Traefik). Never needed, harmless."
    )
    annotations: dict[AnnotationName, PublicText] = Field(
        {}, description="Further annotations of the Ingress, such as cert-manager's."
    )
    wait_for_address: bool = Field(
        False, description="Let `pulumi up` wait until the controller reports an address (10 minutes at most)."
    )

    @property
    def is_exposed(self) -> bool:
        """Whether something outside the namespace connects: the Ingress, or a Gateway or Route of the user's own."""
        return self.enabled or any(getattr(self, name) for name in _PEERS.values())

    @property
    def peers(self) -> Controller:
        """The controller, `other` when it does not follow from the settings."""
        return CONTROLLERS[self._controller or "other"]

    @property
    def namespace(self) -> str | None:
        """Namespace of the pods that connect; None when they are not selected by its name."""
        return self.controller_namespace or self.peers.namespace

    @property
    def _controller(self) -> ControllerName | None:
        return (
            self.controller
            or controller_of_class(self.class_name)
            or controller_of_namespace(self.controller_namespace)
        )

    def problems(self) -> Iterator[Problem]:
        yield from self._unused()
        if not self.is_exposed:
            return
        by_class, by_namespace = (
            controller_of_class(self.class_name),
            controller_of_namespace(self.controller_namespace),
        )
        if not self.controller and by_class and by_namespace and by_class != by_namespace:
            yield Problem(
                keys=("controllerNamespace", "className"),
                message=f"className {self.class_name} is the class of {by_class}, and controllerNamespace "
                f"{self.controller_namespace} the namespace of {by_namespace}: the controller could not connect",
                allowed="the namespace of the controller that serves the class, or controller with it",
                fix=CONTROLLERS[by_class].namespace or "",
            )
        elif not (self.peers.is_known_peer or self.controller_namespace or self.allowed_cidrs):
            yield self._unknown_peer()
        elif self.sticky_sessions and not self.peers.can_be_sticky:
            yield Problem(
                keys=("stickySessions", "controller"),
                message=f"stickySessions has no effect with controller {self._controller}",
                allowed="false; for sticky sessions, set its own annotations in ingress.annotations",
                fix="false",
            )

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
            allowed=f"{' | '.join(CONTROLLERS)}, or controllerNamespace",
            fix="ingress-nginx",
        )

    def _unused(self) -> Iterator[Problem]:
        for key, value in (
            ("stickySessions", self.sticky_sessions),
            ("tlsSecretName", self.tls_secret_name),
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
