"""Settings of OpenTelemetry. Source: `utils/telemetry` of Open WebUI 0.12.4, opentelemetry-exporter-otlp 1.42.1."""

import re
from collections.abc import Iterator
from typing import Literal
from urllib.parse import urlsplit

from pydantic import Field

from ...blocks.base_settings import Fix, Problem, Settings
from ...blocks.destinations import destination_of_url, is_inside
from ...blocks.names import HttpUrl
from ..names import APP

HEADERS = "OTEL_EXPORTER_OTLP_HEADERS"
BASIC_AUTH_PASSWORDS = (
    "OTEL_BASIC_AUTH_PASSWORD",
    "OTEL_LOGS_BASIC_AUTH_PASSWORD",
    "OTEL_METRICS_BASIC_AUTH_PASSWORD",
)

# Plugins may have variables called POD_NAME; no name with this prefix is left to them.
POD_NAME, POD_NAMESPACE = "OTEL_POD_NAME", "OTEL_POD_NAMESPACE"

_ENABLED = {"metrics": "ENABLE_OTEL_METRICS", "traces": "ENABLE_OTEL_TRACES", "logs": "ENABLE_OTEL_LOGS"}
# Open WebUI takes the common variables for traces.
_ENDPOINT = {
    "metrics": "OTEL_METRICS_EXPORTER_OTLP_ENDPOINT",
    "traces": "OTEL_EXPORTER_OTLP_ENDPOINT",
    "logs": "OTEL_LOGS_EXPORTER_OTLP_ENDPOINT",
}
_INSECURE = {
    "metrics": "OTEL_METRICS_EXPORTER_OTLP_INSECURE",
    "traces": "OTEL_EXPORTER_OTLP_INSECURE",
    "logs": "OTEL_LOGS_EXPORTER_OTLP_INSECURE",
}
# `parse_env_headers` of opentelemetry-api, without spaces around the parts.
_HEADER = re.compile(r"[!#-'*+.0-9A-Z^-z|~-]+=[ !#-+\--:<-\[\]-~]*")


def headers_error(value: str) -> tuple[str, str] | None:
    """The error for headers that the exporter would not send, and the allowed values; None if they are valid."""
    # The exporter writes a part that it cannot parse to the log, and goes on without it.
    if all(_HEADER.fullmatch(part.strip(" \t")) for part in value.split(",")):
        return None
    return (
        "the exporter would log it instead of sending it: a part between commas is not name=value",
        "name=value, separated by commas, with commas, semicolons and quotation marks of a value in percent encoding",
    )


class OtelSettings(Settings):
    """OpenTelemetry: metrics, traces and logs of the web pods, pushed by OTLP. A signal without endpoint is off."""

    protocol: Literal["http", "grpc"] = Field(
        "http", description="Protocol of all endpoints: OTLP by HTTP (protobuf) or by gRPC."
    )
    metrics_endpoint: HttpUrl | None = Field(
        None,
        examples=["http://prometheus-operated.monitoring.svc:9090/api/v1/otlp/v1/metrics"],
        description="Where metrics go. With `http` the whole URL, to which nothing is appended; with `grpc` scheme, "
        "host and port. `http://` is plain text, `https://` is TLS.",
    )
    traces_endpoint: HttpUrl | None = Field(
        None,
        examples=["http://tempo.tracing.svc:4318/v1/traces"],
        description="Where traces go. They contain the e-mail addresses of users, the URLs of requests to other "
        "services, and commands to Redis with their arguments.",
    )
    logs_endpoint: HttpUrl | None = Field(
        None,
        examples=["http://loki.logging.svc:3100/otlp/v1/logs"],
        description="Where logs go, beside stdout. The audit log and the logs of init containers are on stdout alone.",
    )
    interval_seconds: int = Field(
        30, ge=5, le=120, description="Time between two exports of metrics. Each export counts users in the database."
    )
    insecure: bool = Field(
        False,
        description="Accept `http://` endpoints outside the cluster: headers and data then travel in plain text.",
    )

    def problems(self) -> Iterator[Problem]:
        configured = sorted({type(self).model_fields[name].alias or name for name in self.model_fields_set})
        if not self.endpoints and configured:
            yield Problem(
                keys=("metricsEndpoint", configured[0]),
                message=f"{configured[0]} without an endpoint: nothing is sent",
                allowed="metricsEndpoint, tracesEndpoint or logsEndpoint",
                fix="http://prometheus-operated.monitoring.svc:9090/api/v1/otlp/v1/metrics",
            )
        for signal, url in self.endpoints.items():
            yield from self._endpoint_problems(signal, url)
        if self.insecure and self.endpoints and not self._plain_outside:
            yield Problem(
                keys=("insecure", f"{next(iter(self.endpoints))}Endpoint"),
                message="insecure true has no effect: no http:// endpoint is outside the cluster",
                allowed="remove it",
                fix=Fix.REMOVE,
            )

    def _endpoint_problems(self, signal: str, url: str) -> Iterator[Problem]:
        key, parts = f"{signal}Endpoint", urlsplit(url)
        path = parts.path.strip("/")
        if self.protocol == "http" and not path:
            yield Problem(
                keys=(key, "protocol"),
                message=f"{key} {url} has no path: Open WebUI would send to / and not to /v1/{signal}",
                allowed="the whole URL, to which nothing is appended",
                fix=f"{url.rstrip('/')}/v1/{signal}",
            )
        if self.protocol == "grpc" and (path or not parts.port):
            yield Problem(
                keys=(key, "protocol"),
                message=f"{key} {url} {'has a path, which gRPC does not use' if path else 'has no port'}",
                allowed="scheme, host and port",
                fix=f"{parts.scheme}://{_bracketed(parts.hostname or '')}:{parts.port or 4317}",
            )
        others = [other for other in _ENDPOINT if other != signal and path.endswith(f"v1/{other}")]
        if self.protocol == "http" and others:
            yield Problem(
                keys=(key,),
                message=f"{key} {url} is the path of {others[0]}",
                allowed=f"the path of {signal}",
                fix=f"{url.rstrip('/').removesuffix(others[0])}{signal}",
            )
        if url in self._plain_outside and not self.insecure:
            yield Problem(
                keys=(key, "insecure"),
                message=f"{key} {url} is plain text and leaves the cluster: e-mail addresses and headers could be read",
                allowed="https://, a Service of the cluster, or insecure: true",
                fix=f"https{url.removeprefix('http')}",
            )

    @property
    def endpoints(self) -> dict[str, str]:
        """The endpoints by their signals."""
        urls = {"metrics": self.metrics_endpoint, "traces": self.traces_endpoint, "logs": self.logs_endpoint}
        return {signal: url for signal, url in urls.items() if url}

    @property
    def _plain_outside(self) -> list[str]:
        plain = {url: destination_of_url(url) for url in self.endpoints.values() if url.startswith("http://")}
        return [url for url, each in plain.items() if each and each.host != "localhost" and not is_inside(each)]

    def variables(self) -> dict[str, str]:
        """Environment variables without secrets."""
        if not self.endpoints:
            return {}
        return {
            "ENABLE_OTEL": "true",
            "OTEL_SERVICE_NAME": APP,
            # The name is odd: it is the protocol of all signals.
            "OTEL_OTLP_SPAN_EXPORTER": self.protocol,
            **{_ENABLED[signal]: "true" for signal in self.endpoints},
            **{_ENDPOINT[signal]: url for signal, url in self.endpoints.items()},
            # Open WebUI uses TLS for http:// as well, unless these say otherwise. Those of a signal follow the common.
            **{
                _INSECURE[signal]: str(url.startswith("http://")).lower()
                for signal, url in self.endpoints.items()
                if self.protocol == "grpc"
            },
            **(
                {"OTEL_METRICS_EXPORT_INTERVAL_MILLIS": str(self.interval_seconds * 1000)}
                if "metrics" in self.endpoints
                else {}
            ),
        }

    @property
    def composed_variables(self) -> dict[str, str]:
        """Variables that contain others."""
        if not self.endpoints:
            return {}
        # Without an identity the counters of all replicas are one series, which goes up and down. Prometheus makes the
        # labels `job` and `instance` of these.
        return {
            "OTEL_RESOURCE_ATTRIBUTES": f"service.namespace=$({POD_NAMESPACE}),service.instance.id=$({POD_NAME}),"
            f"k8s.namespace.name=$({POD_NAMESPACE}),k8s.pod.name=$({POD_NAME})"
        }

    @property
    def pod_fields(self) -> dict[str, str]:
        """Variables with fields of the pod."""
        return {POD_NAME: "metadata.name", POD_NAMESPACE: "metadata.namespace"} if self.endpoints else {}


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host
