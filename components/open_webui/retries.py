"""The Middleware of Traefik that repeats a request at another replica if the connection to the first one fails.

Traefik repeats a request only if it has sent nothing of it to the replica, whatever the method is. A replica never gets
a question twice.
"""

from collections.abc import Mapping

import pulumi
from pulumi import Input

from ..blocks.children import SKIP_AWAIT, Children
from ..blocks.custom_kinds import TRAEFIK_MIDDLEWARE, custom_object
from .names import RETRY_MIDDLEWARE

MIDDLEWARES_ANNOTATION = "traefik.ingress.kubernetes.io/router.middlewares"
"""Annotation of an Ingress: the middlewares of its routers, the outermost first."""

SPEC = {"retry": {"attempts": 10}}
"""Without a pause, the round robin gives the next attempt another replica, unless another request comes in between. Ten
attempts, because with two replicas each of these would be the killed one with a probability of one half."""

ROUTE_FILTER = {
    "type": "ExtensionRef",
    "extensionRef": {"group": "traefik.io", "kind": TRAEFIK_MIDDLEWARE.kind, "name": RETRY_MIDDLEWARE},
}
"""Filter of an HTTPRoute."""


def retry_middleware(children: Children) -> pulumi.Resource:
    """The Middleware. Routers that name one which does not exist serve nothing."""
    return custom_object(
        RETRY_MIDDLEWARE,
        TRAEFIK_MIDDLEWARE,
        metadata=children.metadata(RETRY_MIDDLEWARE, SKIP_AWAIT),
        spec=SPEC,
        opts=children.options(),
    )


def ingress_annotation(
    children: Children, annotations: Mapping[str, str], *, safe_naming: bool
) -> dict[str, Input[str]]:
    """The annotation of the Ingress.

    Args:
        children: of the component, in whose namespace the Middleware is.
        annotations: those of the settings, whose middlewares stay, around this one.
        safe_naming: whether Traefik names it after its `safeNaming`.
    """
    separator = "_" if safe_naming else "-"
    name = pulumi.Output.concat(children.namespace, separator, RETRY_MIDDLEWARE, "@kubernetescrd")
    outer = annotations.get(MIDDLEWARES_ANNOTATION)
    return {MIDDLEWARES_ANNOTATION: pulumi.Output.concat(outer, ",", name) if outer else name}
