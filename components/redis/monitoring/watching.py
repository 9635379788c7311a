"""What the Prometheus operator and Grafana are told about Redis: where the metrics are, the alerts, a dashboard."""

import json
from typing import Any

import pulumi
import pulumi_kubernetes as k8s
from pulumi_kubernetes.meta.v1 import ObjectMetaArgsDict

from ...blocks.children import child_options
from ...blocks.custom_kinds import PROMETHEUS_RULE, SERVICE_MONITOR, custom_object
from ...blocks.labels import Labels
from ..settings import RedisSettings
from .alerts import prometheus_rules
from .exporter import EXPORTER_PORT

METRICS_SERVICE = "redis-metrics"
SCRAPE_SECONDS = 30


def watch(
    parent: pulumi.ComponentResource,
    metadata: ObjectMetaArgsDict,
    labels: Labels,
    settings: RedisSettings,
    namespace: str,
) -> None:
    """Create the Service of the exporters, a ServiceMonitor, a PrometheusRule and the dashboard's ConfigMap.

    Args:
        parent: component that they belong to.
        metadata: namespace and labels of the objects.
        labels: labels of the pods.
        settings: the component's settings.
        namespace: the namespace's name, which the alerts and the dashboard are limited to.
    """
    _metrics_service(parent, metadata, labels)
    _service_monitor(parent, metadata, labels)
    custom_object(
        "redis-alerts",
        PROMETHEUS_RULE,
        metadata={**metadata, "name": "redis"},
        spec=prometheus_rules(settings, namespace),
        opts=child_options(parent),
    )
    k8s.core.v1.ConfigMap(
        "redis-dashboard",
        metadata={**metadata, "name": "redis-dashboard", "labels": {**labels.metadata, "grafana_dashboard": "1"}},
        data={"open-webui-stack-redis.json": json.dumps(dashboard(namespace), indent=1)},
        opts=child_options(parent),
    )


# A label of its own: the monitor selects this Service and not the one that speaks the protocol of Redis.
_COMPONENT = {"app.kubernetes.io/component": "metrics"}


def _metrics_service(parent: pulumi.ComponentResource, metadata: ObjectMetaArgsDict, labels: Labels) -> None:
    k8s.core.v1.Service(
        METRICS_SERVICE,
        metadata={
            **metadata,
            "name": METRICS_SERVICE,
            "labels": {**labels.metadata, **_COMPONENT},
            "annotations": {"pulumi.com/skipAwait": "true"},
        },
        spec={
            "cluster_ip": "None",
            # Of a pod that is not ready one wants to know more, not less.
            "publish_not_ready_addresses": True,
            "selector": labels.selector,
            "ports": [{"name": "metrics", "port": EXPORTER_PORT, "target_port": "metrics", "protocol": "TCP"}],
        },
        opts=child_options(parent),
    )


def _service_monitor(parent: pulumi.ComponentResource, metadata: ObjectMetaArgsDict, labels: Labels) -> None:
    custom_object(
        "redis-monitor",
        SERVICE_MONITOR,
        metadata={**metadata, "name": "redis"},
        spec={
            "selector": {"matchLabels": {**labels.selector, **_COMPONENT}},
            "endpoints": [{"port": "metrics", "interval": f"{SCRAPE_SECONDS}s"}],
        },
        opts=child_options(parent),
    )


def dashboard(namespace: str) -> dict[str, Any]:
    """A dashboard of Grafana: two panels in a row, one query each."""
    of = f'namespace="{namespace}"'
    panels = [
        ("Memory of maxmemory", f"redis_memory_used_bytes{{{of}}} / redis_memory_max_bytes{{{of}}}", "percentunit"),
        ("Physical memory", f"redis_memory_used_rss_bytes{{{of}}}", "bytes"),
        ("Commands", f"sum by (instance) (rate(redis_commands_processed_total{{{of}}}[5m]))", "ops"),
        ("Connected clients", f"redis_connected_clients{{{of}}}", "short"),
        ("Sent, events among it", f"rate(redis_net_output_bytes_total{{{of}}}[5m])", "Bps"),
        ("Subscribed channels", f"redis_pubsub_channels{{{of}}}", "short"),
        ("Forgotten keys", f"increase(redis_evicted_keys_total{{{of}}}[5m])", "short"),
        (
            "Slow clients disconnected",
            f"increase(redis_client_output_buffer_limit_disconnections_total{{{of}}}[5m])",
            "short",
        ),
        ("Replicas behind their master", f"redis_connected_slave_lag_seconds{{{of}}}", "s"),
        ("Masters", f'count(redis_instance_info{{{of},role="master"}})', "short"),
    ]
    return {
        "title": f"Redis of {namespace}",
        "uid": f"redis-{namespace}"[:40],
        "schemaVersion": 39,
        "time": {"from": "now-6h", "to": "now"},
        "refresh": "1m",
        "templating": {"list": [{"name": "source", "type": "datasource", "query": "prometheus"}]},
        "panels": [_panel(number, *panel) for number, panel in enumerate(panels)],
    }


def _panel(number: int, title: str, query: str, unit: str) -> dict[str, Any]:
    source = {"type": "prometheus", "uid": "${source}"}
    return {
        "id": number + 1,
        "title": title,
        "type": "timeseries",
        "datasource": source,
        "gridPos": {"x": number % 2 * 12, "y": number // 2 * 8, "w": 12, "h": 8},
        "fieldConfig": {"defaults": {"unit": unit}, "overrides": []},
        "targets": [{"refId": "A", "datasource": source, "expr": query, "legendFormat": "{{instance}}"}],
    }
