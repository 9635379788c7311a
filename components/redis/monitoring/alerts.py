"""Alert rules for Redis, in the language of Prometheus. Metrics: redis_exporter's.

https://github.com/oliver006/redis_exporter#whats-exported
"""

from typing import Any, TypedDict

from ..settings import RedisSettings


class Rule(TypedDict):
    """One alert."""

    alert: str
    expr: str
    for_: str
    severity: str
    summary: str
    description: str


def rules(settings: RedisSettings, namespace: str) -> list[Rule]:
    """The alerts that make sense for the topology.

    Args:
        settings: the component's settings.
        namespace: namespace of the stack, to which every rule is limited.
    """
    of = f'namespace="{namespace}"'
    match settings.topology:
        case "sentinel":
            return [*_always(of), _lag(of), *_replicated(of)]
        case "cluster":
            return [*_always(of), _lag(of), *_clustered(of, settings.cluster.replicas_per_master)]
    return _always(of)


def prometheus_rules(settings: RedisSettings, namespace: str) -> dict[str, Any]:
    """``spec`` of a PrometheusRule, which is also the text of a rule file."""
    entries = [
        {
            "alert": rule["alert"],
            "expr": rule["expr"],
            "for": rule["for_"],
            "labels": {"severity": rule["severity"]},
            "annotations": {"summary": rule["summary"], "description": rule["description"]},
        }
        for rule in rules(settings, namespace)
    ]
    return {"groups": [{"name": "open-webui-stack-redis", "rules": entries}]}


def _rule(alert: str, expr: str, for_: str, severity: str, summary: str, description: str) -> Rule:
    return {
        "alert": alert,
        "expr": expr,
        "for_": for_,
        "severity": severity,
        "summary": summary,
        "description": description,
    }


def _always(of: str) -> list[Rule]:
    return [*_answers(of), *_memory(of), *_clients(of)]


def _answers(of: str) -> list[Rule]:
    return [
        _rule(
            "RedisDown",
            f"redis_up{{{of}}} == 0",
            "1m",
            "critical",
            "Redis does not answer.",
            "The exporter of {{ $labels.instance }} runs and cannot log in. All web pods depend on this server.",
        ),
        _rule(
            "RedisExporterAbsent",
            f"absent(redis_up{{{of}}})",
            "5m",
            "warning",
            "Nobody measures Redis.",
            "No metric of Redis for five minutes: its pod is gone, or Prometheus cannot reach port 9121.",
        ),
    ]


def _memory(of: str) -> list[Rule]:
    memory = f"redis_memory_used_bytes{{{of}}} / (redis_memory_max_bytes{{{of}}} > 0)"
    return [
        _rule(
            "RedisMemoryHigh",
            f"{memory} > 0.75",
            "15m",
            "warning",
            "Redis uses more than 75 % of maxmemory.",
            "{{ $labels.instance }} uses {{ $value | humanizePercentage }}. Raise redis.maxmemory; the limit follows.",
        ),
        _rule(
            "RedisMemoryFull",
            f"{memory} > 0.9",
            "5m",
            "critical",
            "Redis uses more than 90 % of maxmemory.",
            "{{ $labels.instance }} uses {{ $value | humanizePercentage }}. Full, it refuses writes (noeviction) or "
            "forgets sign-outs with other policies.",
        ),
        _rule(
            "RedisEvicts",
            f"increase(redis_evicted_keys_total{{{of}}}[5m]) > 0",
            "0m",
            "critical",
            "Redis forgets keys.",
            "An evicted key can be the one that says that a token was signed out: it is valid again.",
        ),
    ]


def _clients(of: str) -> list[Rule]:
    return [
        _rule(
            "RedisRejectsConnections",
            f"increase(redis_rejected_connections_total{{{of}}}[5m]) > 0",
            "0m",
            "critical",
            "Redis refuses connections.",
            "{{ $labels.instance }} has reached maxclients.",
        ),
        _rule(
            "RedisDisconnectsSlowClients",
            f"increase(redis_client_output_buffer_limit_disconnections_total{{{of}}}[5m]) > 0",
            "0m",
            "warning",
            "Redis disconnected a client that reads too slowly.",
            "Events that waited for it are lost. A larger redis.maxmemory gives subscribers more room.",
        ),
    ]


def _lag(of: str) -> Rule:
    return _rule(
        "RedisReplicationLag",
        f"max by (namespace, slave_ip) (redis_connected_slave_lag_seconds{{{of}}}) > 10",
        "1m",
        "warning",
        "A replica is behind its master.",
        "{{ $labels.slave_ip }} has confirmed nothing for {{ $value }} s. What it lacks is lost if it is elected.",
    )


def _clustered(of: str, replicas: int) -> list[Rule]:
    master = f'redis_instance_info{{{of},role="master"}}'
    return [
        _rule(
            "RedisClusterDown",
            f"redis_cluster_state{{{of}}} == 0",
            "1m",
            "critical",
            "A node of Redis serves no data.",
            "{{ $labels.instance }} is cut off from most masters, or most of them are gone.",
        ),
        _rule(
            "RedisSlotsUncovered",
            f"min by (namespace) (redis_cluster_slots_ok{{{of}}}) < 16384",
            "1m",
            "critical",
            "A part of the data is served by nobody.",
            "{{ $value }} of 16384 slots are served: a master is gone, and no replica took over from it.",
        ),
        _rule(
            "RedisReplicaMissing",
            f"redis_connected_slaves{{{of}}} < {replicas} and on (instance) {master}",
            "5m",
            "warning",
            "A replica of Redis is missing.",
            f"The master {{{{ $labels.instance }}}} has {{{{ $value }}}} of {replicas} replicas.",
        ),
    ]


def _replicated(of: str) -> list[Rule]:
    master = f'redis_instance_info{{{of},role="master"}}'
    return [
        _rule(
            "RedisReplicaMissing",
            f"max by (namespace) (redis_connected_slaves{{{of}}} and on (instance) {master}) < 2",
            "5m",
            "warning",
            "A replica of Redis is missing.",
            "The master has {{ $value }} of 2 replicas. Without any it refuses writes.",
        ),
        _rule(
            "RedisNoMaster",
            f"absent({master})",
            "1m",
            "critical",
            "Redis has no master.",
            "No node is the master: nobody can write. See the logs of the Sentinels.",
        ),
    ]
