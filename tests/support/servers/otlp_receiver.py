"""A receiver of OTLP, by HTTP and by gRPC, that keeps what it gets."""

import threading
from collections.abc import Iterator
from concurrent import futures
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import grpc
from google.protobuf.json_format import MessageToDict
from opentelemetry.proto.collector.logs.v1 import logs_service_pb2
from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2

_REQUESTS: dict[str, Any] = {
    "metrics": metrics_service_pb2.ExportMetricsServiceRequest,
    "traces": trace_service_pb2.ExportTraceServiceRequest,
    "logs": logs_service_pb2.ExportLogsServiceRequest,
}
_METRICS_SERVICE = "opentelemetry.proto.collector.metrics.v1.MetricsService"
_RESOURCES = {"metrics": "resourceMetrics", "traces": "resourceSpans", "logs": "resourceLogs"}


@dataclass(frozen=True, kw_only=True)
class Export:
    """One request of an exporter."""

    signal: str
    path: str
    headers: dict[str, str]
    """By their names in lower case."""

    message: dict[str, Any]
    """Its body, as OTLP writes it in JSON."""

    @property
    def resources(self) -> list[dict[str, Any]]:
        """What it says of each resource."""
        return list(self.message[_RESOURCES[self.signal]])


@dataclass
class Receiver:
    """The exports that arrived so far."""

    http_port: int
    grpc_port: int
    exports: list[Export] = field(default_factory=list)

    def of(self, signal: str) -> list[Export]:
        """The exports of one signal."""
        return [each for each in self.exports if each.signal == signal]

    def instances(self, signal: str) -> set[str]:
        """The identities of the processes that have sent it."""
        resources = [each["resource"] for export in self.of(signal) for each in export.resources]
        return {attributes(resource)["service.instance.id"] for resource in resources}

    def points(self, name: str) -> list[tuple[str, dict[str, Any]]]:
        """The data points of a metric, each with the identity of its process."""
        return [
            (attributes(each["resource"])["service.instance.id"], point)
            for export in self.of("metrics")
            for each in export.resources
            for scope in each["scopeMetrics"]
            for metric in scope["metrics"]
            if metric["name"] == name
            for kind in ("sum", "histogram", "gauge")
            for point in metric.get(kind, {}).get("dataPoints", [])
        ]

    def spans(self) -> list[dict[str, Any]]:
        """Every span."""
        scopes = [scope for export in self.of("traces") for each in export.resources for scope in each["scopeSpans"]]
        return [span for scope in scopes for span in scope["spans"]]


def attributes(thing: dict[str, Any]) -> dict[str, str]:
    """The attributes of a resource, a span or a data point, as text."""
    return {each["key"]: str(next(iter(each["value"].values()))) for each in thing.get("attributes", [])}


@contextmanager
def otlp_receiver() -> Iterator[Receiver]:
    """A receiver on two ports of this machine, while the block runs."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            signal = next((each for each in _REQUESTS if self.path.endswith(f"v1/{each}")), "")
            if signal:
                headers = {name.lower(): value for name, value in self.headers.items()}
                message = MessageToDict(_REQUESTS[signal].FromString(body))
                receiver.exports.append(Export(signal=signal, path=self.path, headers=headers, message=message))
            self.send_response(200 if signal else 404)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_arguments: object) -> None:
            return

    def export_metrics(request: Any, context: Any) -> Any:
        headers = {str(name): str(value) for name, value in context.invocation_metadata()}
        message = MessageToDict(request)
        receiver.exports.append(Export(signal="metrics", path="gRPC", headers=headers, message=message))
        return metrics_service_pb2.ExportMetricsServiceResponse()

    export = grpc.unary_unary_rpc_method_handler(
        export_metrics,
        request_deserializer=metrics_service_pb2.ExportMetricsServiceRequest.FromString,
        response_serializer=metrics_service_pb2.ExportMetricsServiceResponse.SerializeToString,
    )
    by_http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    by_grpc = grpc.server(futures.ThreadPoolExecutor(max_workers=2))
    by_grpc.add_generic_rpc_handlers([grpc.method_handlers_generic_handler(_METRICS_SERVICE, {"Export": export})])
    receiver = Receiver(by_http.server_address[1], by_grpc.add_insecure_port("127.0.0.1:0"))
    thread = threading.Thread(target=by_http.serve_forever, daemon=True)
    thread.start()
    by_grpc.start()
    try:
        yield receiver
    finally:
        by_http.shutdown()
        by_http.server_close()
        by_grpc.stop(None).wait()
        thread.join()
