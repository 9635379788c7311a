"""Observability of the web pods: variables, secrets and network policy rules of OpenTelemetry and the audit log."""

import pytest

from components.open_webui.observability.otel import headers_error
from components.open_webui.observability.settings import ObservabilitySettings
from components.open_webui.settings import OpenWebUISettings
from stack_config.load import ConfigError
from tests.support.unit.effects import variable
from tests.support.unit.effects_on_observability import HEADER_VALUE, HEADERS, JSON_LOGS, METRICS
from tests.support.unit.recording import Recording, run

OTEL = "openWebui.observability.otel"
GRPC = (f"{OTEL}.protocol=grpc", f"{OTEL}.metricsEndpoint=http://collector.otel.svc:4317")


def web_variables(recording: Recording) -> list[dict[str, object]]:
    variables: list[dict[str, object]] = recording.containers["open-webui/open-webui"]["env"]
    return variables


def test_nothing_is_set_by_default(dev: Recording) -> None:
    settings = ObservabilitySettings()
    assert settings.variables(OpenWebUISettings(), {}) == {}
    assert not {each["name"] for each in web_variables(dev)} & {"ENABLE_OTEL", "LOG_FORMAT", "OTEL_POD_NAME"}


def test_each_replica_has_an_identity_from_its_pod() -> None:
    variables = web_variables(run("dev", METRICS))
    fields = {each["name"]: each["valueFrom"] for each in variables if "fieldRef" in str(each.get("valueFrom"))}
    assert fields == {
        "OTEL_POD_NAME": {"fieldRef": {"fieldPath": "metadata.name"}},
        "OTEL_POD_NAMESPACE": {"fieldRef": {"fieldPath": "metadata.namespace"}},
    }
    names = [each["name"] for each in variables]
    # The kubelet replaces only references to earlier variables.
    assert names.index("OTEL_RESOURCE_ATTRIBUTES") > max(map(names.index, fields))
    attributes = str(variables[names.index("OTEL_RESOURCE_ATTRIBUTES")]["value"])
    assert "service.instance.id=$(OTEL_POD_NAME)" in attributes
    assert "service.namespace=$(OTEL_POD_NAMESPACE)" in attributes


def test_a_signal_without_an_endpoint_is_off() -> None:
    recording = run("dev", METRICS)
    assert variable("ENABLE_OTEL_METRICS")(recording) == "true"
    assert variable("ENABLE_OTEL_TRACES")(recording) is None
    assert variable("ENABLE_OTEL_LOGS")(recording) is None


def test_plain_grpc_is_not_left_to_open_webui_which_would_use_tls() -> None:
    assert variable("OTEL_METRICS_EXPORTER_OTLP_INSECURE")(run("dev", GRPC)) == "true"
    tls = (*GRPC, f"{OTEL}.metricsEndpoint=https://otel.example.com:4317")
    assert variable("OTEL_METRICS_EXPORTER_OTLP_INSECURE")(run("dev", tls)) == "false"


def test_the_network_policy_opens_the_way_to_each_endpoint() -> None:
    sets = (*METRICS, f"{OTEL}.tracesEndpoint=https://otel.example.com:4318/v1/traces")
    rules = run("dev", sets).one("NetworkPolicy", "open-webui").inputs["spec"]["egress"]
    peers = [peer for rule in rules for peer in rule["to"]]
    assert {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}} in peers
    assert 4318 in [port["port"] for rule in rules for port in rule.get("ports", [])]


def test_headers_come_from_the_secret_alone() -> None:
    recording = run("dev", METRICS, {HEADERS: HEADER_VALUE})
    [header] = [each for each in web_variables(recording) if each["name"] == HEADERS]
    assert header["valueFrom"] == {"secretKeyRef": {"name": "openwebui-secret", "key": HEADERS}}
    assert not any(HEADER_VALUE in str(each.inputs) for each in recording.objects if each.kind != "Secret")


def test_headers_without_an_endpoint_are_refused() -> None:
    with pytest.raises(ConfigError, match=f"the secret {HEADERS} is set, but {OTEL} does not need it"):
        run("dev", (), {HEADERS: HEADER_VALUE})


def test_a_password_that_would_replace_the_headers_is_refused() -> None:
    with pytest.raises(ConfigError, match=f"OTEL_BASIC_AUTH_PASSWORD conflicts with the secret {HEADERS}") as error:
        run("dev", METRICS, {HEADERS: HEADER_VALUE, "OTEL_BASIC_AUTH_PASSWORD": "hunter2-basic"})
    assert "hunter2" not in str(error.value)


@pytest.mark.parametrize(
    ("value", "valid"),
    [
        ("authorization=Bearer%20a", True),
        ("authorization=Bearer a", True),
        ("authorization=Basic YTpi==, x-scope-orgid=team", True),
        ("Bearer a", False),
        ("authorization=Bearer a,b", False),
        ("authorization=Digest a;b", False),
        ("authorization=a\n", False),
        ("", False),
    ],
)
def test_headers_that_the_exporter_would_log_are_refused(value: str, valid: bool) -> None:
    assert (headers_error(value) is None) == valid


def test_the_audit_log_is_on_stdout_and_never_in_a_file() -> None:
    recording = run("dev", (*JSON_LOGS, "openWebui.observability.audit.level=metadata"))
    assert variable("ENABLE_AUDIT_STDOUT")(recording) == "true"
    assert variable("ENABLE_AUDIT_LOGS_FILE")(recording) == "false"
