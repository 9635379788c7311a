"""What the keys of observability do."""

from tests.support.unit.effects import Effect, variable

HEADERS = "OTEL_EXPORTER_OTLP_HEADERS"
HEADER_VALUE = "authorization=Bearer%20hunter2-otel"
_PREFIX = "openWebui.observability"
METRICS_URL = "http://prometheus-operated.monitoring.svc:9090/api/v1/otlp/v1/metrics"
METRICS = (f"{_PREFIX}.otel.metricsEndpoint={METRICS_URL}",)
JSON_LOGS = (f"{_PREFIX}.jsonLogs=true",)


def _plain(key: str, value: str, name: str, expected: str, sets: tuple[str, ...] = ()) -> dict[str, Effect]:
    return {f"{_PREFIX}.{key}": Effect(value=value, sets=sets, shows=variable(name), expected=expected)}


EFFECTS: dict[str, Effect] = {
    **_plain("jsonLogs", "true", "LOG_FORMAT", "json"),
    **_plain("audit.level", "metadata", "AUDIT_LOG_LEVEL", "METADATA", JSON_LOGS),
    **_plain(
        "audit.acceptBodies",
        "",
        "AUDIT_LOG_LEVEL",
        "REQUEST",
        (*JSON_LOGS, f"{_PREFIX}.audit.level=request", f"{_PREFIX}.audit.acceptBodies=true"),
    ),
    **_plain(
        "audit.getRequests",
        "true",
        "ENABLE_AUDIT_GET_REQUESTS",
        "true",
        (*JSON_LOGS, f"{_PREFIX}.audit.level=metadata"),
    ),
    **_plain("otel.metricsEndpoint", METRICS_URL, "OTEL_METRICS_EXPORTER_OTLP_ENDPOINT", METRICS_URL),
    **_plain(
        "otel.tracesEndpoint",
        "https://tempo.example.com/v1/traces",
        "OTEL_EXPORTER_OTLP_ENDPOINT",
        "https://tempo.example.com/v1/traces",
    ),
    **_plain(
        "otel.logsEndpoint",
        "https://loki.example.com/otlp/v1/logs",
        "OTEL_LOGS_EXPORTER_OTLP_ENDPOINT",
        "https://loki.example.com/otlp/v1/logs",
    ),
    **_plain(
        "otel.protocol",
        "",
        "OTEL_OTLP_SPAN_EXPORTER",
        "grpc",
        (f"{_PREFIX}.otel.protocol=grpc", f"{_PREFIX}.otel.metricsEndpoint=http://collector.otel.svc:4317"),
    ),
    **_plain("otel.intervalSeconds", "60", "OTEL_METRICS_EXPORT_INTERVAL_MILLIS", "60000", METRICS),
    **_plain(
        "otel.insecure",
        "",
        "OTEL_METRICS_EXPORTER_OTLP_ENDPOINT",
        "http://otel.example.com/v1/metrics",
        (f"{_PREFIX}.otel.insecure=true", f"{_PREFIX}.otel.metricsEndpoint=http://otel.example.com/v1/metrics"),
    ),
    "monitoring.runbookUrl": Effect(
        value="https://docs.example.com/",
        sets=("monitoring.enabled=true", "monitoring.operator=true"),
        shows=lambda recording: (
            recording.one("PrometheusRule", "redis-alerts")
            .inputs["spec"]["groups"][0]["rules"][0]["annotations"]
            .get("runbook_url")
        ),
        expected="https://docs.example.com/operations/monitoring-redis.html#redisdown",
    ),
    HEADERS: Effect(
        value="",
        sets=METRICS,
        secrets={HEADERS: HEADER_VALUE},
        shows=lambda recording: recording.one("Secret", "openwebui-secret").plain("stringData", HEADERS),
        expected=HEADER_VALUE,
    ),
}

_OTEL = f"{_PREFIX}.otel"
OBSERVED: tuple[tuple[str, ...], dict[str, str]] = (
    (
        *JSON_LOGS,
        f"{_PREFIX}.audit.level=metadata",
        f"{_PREFIX}.audit.getRequests=true",
        f"{_OTEL}.protocol=grpc",
        *(f"{_OTEL}.{signal}Endpoint=http://collector.otel.svc:4317" for signal in ("metrics", "traces", "logs")),
    ),
    {HEADERS: HEADER_VALUE},
)
"""A configuration that sets every variable of observability."""
