"""Connections to pods: from outside the cluster by an explicit exposure, inside it by a network policy."""

from collections.abc import Iterator, Sequence

from .objects import WITH_PODS, Object, Unknown, field, items, pods
from .rule import Context, ObjectRule, StackRule, Violation
from .selectors import selects

ALLOW_EXPOSURE = "open-webui-stack/allow-exposure"
"""Annotation of a Service that may be reached from outside, and of a NetworkPolicy that admits every address to its
pods. Its value says why."""


def exposed(item: Object, _context: Context) -> Iterator[str]:
    """Services that are reachable from outside the cluster and do not say why."""
    if field(item, "kind") != "Service" or field(item, "metadata", "annotations", ALLOW_EXPOSURE):
        return
    if field(item, "spec", "type") in ("LoadBalancer", "NodePort"):
        yield f"its type is {field(item, 'spec', 'type')}"
    if items(field(item, "spec", "externalIPs")):
        yield "it has external addresses"


def uncovered(objects: Sequence[Object], _context: Context) -> Iterator[Violation]:
    """Pods that no NetworkPolicy selects, in one direction or both."""
    policies = [item for item in objects if field(item, "kind") == "NetworkPolicy"]
    for described in pods(objects):
        selecting = [
            each
            for each in policies
            if field(each, "metadata", "namespace") == described.namespace
            and selects(field(each, "spec", "podSelector"), described.labels)
        ]
        for direction in ("Ingress", "Egress"):
            if not any(direction in _directions(each) for each in selecting):
                message = f"no NetworkPolicy covers its pods for {direction.lower()}"
                yield Violation(item=described.owner, message=message)


def open_to_all(item: Object, _context: Context) -> Iterator[str]:
    """Policies that allow every peer: they exist and restrict nothing."""
    if field(item, "kind") != "NetworkPolicy":
        return
    published = bool(field(item, "metadata", "annotations", ALLOW_EXPOSURE))
    for direction, peers in (("ingress", "from"), ("egress", "to")):
        for rule in items(field(item, "spec", direction)):
            if isinstance(rule, Unknown) or isinstance(field(rule, peers), Unknown):
                continue
            listed = items(field(rule, peers))
            if not listed:
                yield f"a rule for {direction} names no peers, so that it allows all of them"
            for peer in listed:
                if field(peer, "namespaceSelector") == {} and not field(peer, "podSelector"):
                    yield f"a rule for {direction} allows every pod of every namespace"
                if direction == "ingress" and published:
                    continue
                if str(field(peer, "ipBlock", "cidr")).endswith("/0") and not items(field(peer, "ipBlock", "except")):
                    yield f"a rule for {direction} allows every address"


def _directions(policy: Object) -> Sequence[str]:
    # Source: NetworkPolicySpec.policyTypes: unset is Ingress, and Egress when there are egress rules.
    types = items(field(policy, "spec", "policyTypes"))
    return types or (("Ingress", "Egress") if field(policy, "spec", "egress") else ("Ingress",))


RULES = (
    ObjectRule(
        name="service-not-exposed",
        description="No Service is a LoadBalancer or NodePort without an annotation that says why.",
        remedy=f"Use type ClusterIP, or annotate the Service {ALLOW_EXPOSURE}: <why>.",
        kinds=("Service",),
        check=exposed,
    ),
    StackRule(
        name="network-policies-cover-pods",
        description="NetworkPolicies cover every pod in both directions: a pod without one may connect to every other.",
        remedy="Keep default-deny of the namespace, or add a policy whose podSelector selects the pods.",
        kinds=(*WITH_PODS, "NetworkPolicy"),
        check=uncovered,
    ),
    ObjectRule(
        name="network-policies-name-peers",
        description="Every rule of a NetworkPolicy names its peers, and not all peers: such a rule restricts nothing.",
        remedy="Use allow_from() and allow_to() of components/blocks/network_policy.py with the pods, the namespace or "
        "the addresses that need it.",
        kinds=("NetworkPolicy",),
        check=open_to_all,
    ),
)
