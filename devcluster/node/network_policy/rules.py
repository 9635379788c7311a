"""NetworkPolicies as nftables rules: a pure function from the cluster's objects to a ruleset.

Meaning of the policies: https://kubernetes.io/docs/concepts/services-networking/network-policies/
"""

from collections.abc import Iterable, Mapping
from typing import Any, Literal

from .model import Cluster, Pod, peer_pods, policy_types, selected_pods

TABLE = "network-policies"
Direction = Literal["ingress", "egress"]


def ruleset(cluster: Cluster, *, pod_network: str, machine_address: str) -> str:
    """Rules that replace those of an earlier call, in one step.

    Args:
        cluster: pods, namespaces and policies.
        pod_network: addresses of all pods. One of them that belongs to no known pod reaches nobody yet.
        machine_address: of the machine the node is on, which reaches every pod, as a node does.
    """
    chains: list[str] = []
    rules: list[str] = []
    for direction in ("egress", "ingress"):
        for pod in cluster.pods:
            policies = [policy for policy in cluster.policies if _isolates(policy, direction, pod, cluster)]
            if policies:
                name = f"{direction}-{pod.address}"
                chains += _chain(name, [rule for p in policies for rule in _rules(p, direction, pod, cluster)])
                rules.append(f"ip {_own_side(direction)} {pod.address} jump {_quoted(name)}")
    known = ", ".join(sorted(pod.address for pod in cluster.pods))
    unknown = f"ip saddr {pod_network} ip saddr != {{ {known} }} drop" if known else f"ip saddr {pod_network} drop"
    forward = [
        # After the rules of kube-proxy, which refuse a connection to a Service without endpoints: no policy allows the
        # address of a Service, so that such a connection would be dropped here and its client would wait.
        "type filter hook forward priority filter + 10; policy accept;",
        "ct state established,related accept",
        f"ip saddr {machine_address} accept",
        unknown,
        *rules,
    ]
    return "\n".join(
        [
            f"table ip {TABLE} {{ }}",
            f"delete table ip {TABLE}",
            f"table ip {TABLE} {{",
            *chains,
            *_block("chain forward", forward),
            "}",
            "",
        ]
    )


def _isolates(policy: Mapping[str, Any], direction: Direction, pod: Pod, cluster: Cluster) -> bool:
    return direction.capitalize() in policy_types(policy) and pod in selected_pods(policy, cluster)


def _chain(name: str, accepting: Iterable[str]) -> list[str]:
    # The packet goes on to the other pod's chain: one is for the way out, one for the way in.
    return _block(f"chain {_quoted(name)}", [*(f"{rule} return".strip() for rule in dict.fromkeys(accepting)), "drop"])


def _block(head: str, lines: Iterable[str]) -> list[str]:
    return [f"  {head} {{", *(f"    {line}" for line in lines), "  }"]


def _rules(policy: Mapping[str, Any], direction: Direction, pod: Pod, cluster: Cluster) -> list[str]:
    found = []
    for rule in policy["spec"].get(direction) or []:
        peers = rule.get("from" if direction == "ingress" else "to") or []
        for address, peer in _peers(peers, direction, policy, cluster):
            # A named port is one of the pod that is connected to.
            target = pod if direction == "ingress" else peer
            found += [f"{address} {port}".strip() for port in _ports(rule.get("ports") or [], target)]
    return found


def _peers(
    peers: Iterable[Mapping[str, Any]], direction: Direction, policy: Mapping[str, Any], cluster: Cluster
) -> list[tuple[str, Pod | None]]:
    """What a rule's peers match, and the pod where it is one. No peers mean everybody."""
    side = "saddr" if direction == "ingress" else "daddr"
    found: list[tuple[str, Pod | None]] = []
    for peer in peers:
        # Pods have IPv4 addresses only, which a block of IPv6 is not about.
        if (block := peer.get("ipBlock")) and ":" not in block["cidr"]:
            excluded = "".join(f" ip {side} != {cidr}" for cidr in block.get("except") or [])
            found.append((f"ip {side} {block['cidr']}{excluded}", None))
        for pod in peer_pods(peer, policy["metadata"]["namespace"], cluster):
            found.append((f"ip {side} {pod.address}", pod))
    return found if peers else [("", None)]


def _ports(ports: Iterable[Mapping[str, Any]], target: Pod | None) -> list[str]:
    """What a rule's ports match; none mean all. A name that the pod does not have matches nothing."""
    found = []
    for port in ports:
        protocol = (port.get("protocol") or "TCP").lower()
        number = port.get("port")
        if isinstance(number, str):
            number = target.ports.get((protocol.upper(), number)) if target else None
            if number is None:
                continue
        if number is None:
            found.append(f"ip protocol {protocol}")
        else:
            end = port.get("endPort")
            found.append(f"{protocol} dport {number}-{end}" if end else f"{protocol} dport {number}")
    return found if list(ports) else [""]


def _own_side(direction: Direction) -> str:
    return "daddr" if direction == "ingress" else "saddr"


def _quoted(name: str) -> str:
    return name.replace(".", "-")
