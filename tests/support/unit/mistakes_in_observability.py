"""Configs of observability with one error each: the key that the report names, and a hint in it."""

from collections.abc import Mapping

_COLLECTOR = "http://collector.otel.svc:4318"


def _observed(**observability: object) -> Mapping[str, object]:
    return {"openWebui": {"observability": observability}}


def _otel(**otel: object) -> Mapping[str, object]:
    return _observed(otel=otel)


OBSERVABILITY_MISTAKES: list[tuple[str, Mapping[str, object], str, str]] = [
    (
        "an endpoint without its path",
        _otel(metricsEndpoint=_COLLECTOR),
        "openWebui.observability.otel.metricsEndpoint",
        f"{_COLLECTOR}/v1/metrics",
    ),
    (
        "a path for gRPC",
        _otel(protocol="grpc", metricsEndpoint=f"{_COLLECTOR}/v1/metrics"),
        "openWebui.observability.otel.metricsEndpoint",
        "scheme, host and port",
    ),
    (
        "an address for gRPC without a port",
        _otel(protocol="grpc", metricsEndpoint="http://collector.otel.svc"),
        "openWebui.observability.otel.metricsEndpoint",
        "http://collector.otel.svc:4317",
    ),
    (
        "traces sent to the path of metrics",
        _otel(tracesEndpoint=f"{_COLLECTOR}/v1/metrics"),
        "openWebui.observability.otel.tracesEndpoint",
        f"{_COLLECTOR}/v1/traces",
    ),
    (
        "plain text out of the cluster",
        _otel(logsEndpoint="http://otel.example.com/v1/logs"),
        "openWebui.observability.otel.logsEndpoint",
        "https://otel.example.com/v1/logs",
    ),
    (
        "plain text that is accepted and not there",
        _otel(logsEndpoint="https://otel.example.com/v1/logs", insecure=True),
        "openWebui.observability.otel.insecure",
        "remove it",
    ),
    (
        "an interval without an endpoint",
        _otel(intervalSeconds=60),
        "openWebui.observability.otel.metricsEndpoint",
        "tracesEndpoint or logsEndpoint",
    ),
    (
        "an audit log in lines of text",
        _observed(audit={"level": "metadata"}),
        "openWebui.observability.jsonLogs",
        "openWebui.observability.jsonLogs true",
    ),
    (
        "an audit log below the level of the log",
        {"openWebui": {"logLevel": "WARNING", "observability": {"jsonLogs": True, "audit": {"level": "metadata"}}}},
        "openWebui.logLevel",
        "INFO or DEBUG",
    ),
    (
        "bodies in the audit log",
        _observed(jsonLogs=True, audit={"level": "request"}),
        "openWebui.observability.audit.level",
        "acceptBodies: true",
    ),
    (
        "reading requests without an audit log",
        _observed(audit={"getRequests": True}),
        "openWebui.observability.audit.level",
        "requestResponse",
    ),
    (
        "telemetry by a variable",
        {"openWebui": {"env": {"OTEL_METRICS_EXPORTER_OTLP_ENDPOINT": _COLLECTOR}}},
        "openWebui.env.OTEL_METRICS_EXPORTER_OTLP_ENDPOINT",
        "openWebui.observability.otel.metricsEndpoint",
    ),
    (
        "an audit file",
        {"openWebui": {"env": {"ENABLE_AUDIT_LOGS_FILE": "true"}}},
        "openWebui.env.ENABLE_AUDIT_LOGS_FILE",
        "openWebui.observability.audit.level",
    ),
]
