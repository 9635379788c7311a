"""NetworkPolicies as nftables rules: a pure function from the objects of the cluster to a ruleset.

Semantics of the policies: https://kubernetes.io/docs/concepts/services-networking/network-policies/
"""

from collections.abc import Iterable, Mapping
from typing import Any, Literal

from .model import Cluster, Pod, peer_pods, policy_types, selected_pods

TABLE = "network-policies"
Direction = Literal["ingress", "egress"]


def ruleset(cluster: Cluster, *, pod_network: str, machine_address: str) -> str:
    """A ruleset that atomically replaces the previous one.

    Args:
        cluster: the pods, namespaces and policies.
        pod_network: addresses of all pods. An address of an unknown pod cannot connect yet.
        machine_address: address of the machine, which may connect to every pod, as a node may.
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
        # After the rules of kube-proxy, which reject a connection to a Service without endpoints. No policy allows the
        # address of a Service, so this chain would drop such a connection, and its client would wait.
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
    # The packet also passes the chain of the other pod: one for egress, one for ingress.
    return _block(f"chain {_quoted(name)}", [*(f"{rule} return".strip() for rule in dict.fromkeys(accepting)), "drop"])


def _block(head: str, lines: Iterable[str]) -> list[str]:
    return [f"  {head} {{", *(f"    {line}" for line in lines), "  }"]


def _rules(policy: Mapping[str, Any], direction: Direction, pod: Pod, cluster: Cluster) -> list[str]:
    matches = []
    for rule in policy["spec"].get(direction) or []:
        peers = rule.get("from" if direction == "ingress" else "to") or []
        for address, peer in _peers(peers, direction, policy, cluster):
            # A named port belongs to the destination pod.
            target = pod if direction == "ingress" else peer
            matches += [f"{address} {port}".strip() for port in _ports(rule.get("ports") or [], target)]
    return matches


def _peers(
    peers: Iterable[Mapping[str, Any]], direction: Direction, policy: Mapping[str, Any], cluster: Cluster
) -> list[tuple[str, Pod | None]]:
    """Matches of the peers of a rule, with the pod if the peer is one. A rule without peers matches every peer."""
    side = "saddr" if direction == "ingress" else "daddr"
    matches: list[tuple[str, Pod | None]] = []
    for peer in peers:
        # Pods have IPv4 addresses only, so a block of IPv6 never matches.
        if (block := peer.get("ipBlock")) and ":" not in block["cidr"]:
            excluded = "".join(f" ip {side} != {cidr}" for cidr in block.get("except") or [])
            matches.append((f"ip {side} {block['cidr']}{excluded}", None))
        for pod in peer_pods(peer, policy["metadata"]["namespace"], cluster):
            matches.append((f"ip {side} {pod.address}", pod))
    return matches if peers else [("", None)]


def _ports(ports: Iterable[Mapping[str, Any]], target: Pod | None) -> list[str]:
    """Matches of the ports of a rule; without ports all match. A name that the pod does not have matches nothing."""
    matches = []
    for port in ports:
        protocol = (port.get("protocol") or "TCP").lower()
        number = port.get("port")
        if isinstance(number, str):
            number = target.ports.get((protocol.upper(), number)) if target else None
            if number is None:
                continue
        if number is None:
            matches.append(f"ip protocol {protocol}")
        else:
            end = port.get("endPort")
            matches.append(f"{protocol} dport {number}-{end}" if end else f"{protocol} dport {number}")
    return matches if list(ports) else [""]


def _own_side(direction: Direction) -> str:
    return "daddr" if direction == "ingress" else "saddr"


def _quoted(name: str) -> str:
    return name.replace(".", "-")
