"""The scrape configs that the Prometheus operator generates from ServiceMonitors and PodMonitors.

A pure function of the deployed objects, so that a wrong label or port in them finds no target. It knows only the fields
that the stack uses, and fails on another one.
"""

import re
from collections.abc import Mapping
from typing import Any

_ENDPOINT_FIELDS = {"port", "interval"}
_ENDPOINTS = {"ServiceMonitor": "endpoints", "PodMonitor": "podMetricsEndpoints"}
# Characters that a label of Prometheus cannot have.
_INVALID = re.compile(r"[^a-zA-Z0-9_]")


def scrape_configs(monitor: Mapping[str, Any]) -> list[dict[str, Any]]:
    """One for each endpoint of a monitor.

    Args:
        monitor: a deployed ServiceMonitor or PodMonitor.
    """
    field = _ENDPOINTS[monitor["kind"]]
    assert monitor["spec"].keys() == {"selector", field}
    assert monitor["spec"]["selector"].keys() == {"matchLabels"}
    return [_scrape_config(monitor, endpoint) for endpoint in monitor["spec"][field]]


def job_name(monitor: Mapping[str, Any], endpoint: Mapping[str, Any]) -> str:
    """Name of the job of an endpoint, by which Prometheus lists its targets."""
    metadata = monitor["metadata"]
    return f"{monitor['kind']}/{metadata['namespace']}/{metadata['name']}/{endpoint['port']}"


def _scrape_config(monitor: Mapping[str, Any], endpoint: Mapping[str, Any]) -> dict[str, Any]:
    assert endpoint.keys() == _ENDPOINT_FIELDS
    of_service = monitor["kind"] == "ServiceMonitor"
    kind, role = ("service", "endpointslice") if of_service else ("pod", "pod")
    port = "__meta_kubernetes_endpointslice_port_name" if of_service else "__meta_kubernetes_pod_container_port_name"
    metadata = monitor["metadata"]
    selected = [
        _keep(f"__meta_kubernetes_{kind}_label_{_INVALID.sub('_', label)}", value)
        for label, value in monitor["spec"]["selector"]["matchLabels"].items()
    ]
    copied = {"namespace": "namespace", "pod_name": "pod", "pod_container_name": "container"}
    labels = [
        {"source_labels": [f"__meta_kubernetes_{source}"], "target_label": target} for source, target in copied.items()
    ]
    if of_service:
        labels.append({"source_labels": ["__meta_kubernetes_service_name"], "target_label": "service"})
        labels.append({"source_labels": ["__meta_kubernetes_service_name"], "target_label": "job"})
    else:
        labels.append({"target_label": "job", "replacement": f"{metadata['namespace']}/{metadata['name']}"})
    ended = {"source_labels": ["__meta_kubernetes_pod_phase"], "action": "drop", "regex": "(Failed|Succeeded)"}
    return {
        "job_name": job_name(monitor, endpoint),
        "scrape_interval": endpoint["interval"],
        "scrape_timeout": "10s",
        "kubernetes_sd_configs": [{"role": role, "namespaces": {"names": [metadata["namespace"]]}}],
        "relabel_configs": [*selected, _keep(port, endpoint["port"]), ended, *labels],
    }


def _keep(label: str, value: str) -> dict[str, Any]:
    return {"source_labels": [label], "action": "keep", "regex": re.escape(value)}
