"""Telemetry of the web pods on a real API server: the identity of each pod, and headers that nothing shows."""

from collections.abc import Iterator

import pytest

from tests.support.engine.secrets import secret_values, seen_in
from tests.support.engine.stack import Namespace, Stack, StackFactory

pytest_plugins = ("tests.support.engine.stack_fixtures",)

NAMESPACE = "observed"
HEADERS = "OTEL_EXPORTER_OTLP_HEADERS"
TOKEN = "token-of-the-receiver"
OBSERVED = (
    "redis.maxmemory=64mb",
    "openWebui.uploads.acceptLoss=true",
    "openWebui.observability.jsonLogs=true",
    "openWebui.observability.audit.level=metadata",
    "openWebui.observability.otel.metricsEndpoint=http://prometheus.monitoring.svc:9090/api/v1/otlp/v1/metrics",
)


@pytest.fixture(scope="module")
def stack(new_stack: StackFactory) -> Iterator[Stack]:
    made = new_stack("dev", f"namespace={NAMESPACE}", *OBSERVED, secrets={HEADERS: f"authorization=Bearer%20{TOKEN}"})
    made.up()
    yield made
    made.destroy()


def test_the_pods_are_admitted_with_their_identity_and_the_headers_of_a_secret(stack: Stack) -> None:
    live = Namespace(stack.cluster, NAMESPACE)
    assert live.refusals() == []
    [container] = live.pods("open-webui")[0].spec.containers
    variables = {each.name: each for each in container.env}
    assert variables["OTEL_POD_NAME"].value_from.field_ref.field_path == "metadata.name"
    assert variables[HEADERS].value is None
    assert variables[HEADERS].value_from.secret_key_ref.name == "openwebui-secret"
    assert live.secret("openwebui-secret")[HEADERS] == f"authorization=Bearer%20{TOKEN}"
    assert stack.preview(refresh=True).changes == set()


def test_no_command_and_no_preview_shows_the_headers(stack: Stack) -> None:
    live = Namespace(stack.cluster, NAMESPACE)
    preview = stack.preview_as_json("openWebui.replicas=3")
    assert seen_in("\n".join([preview, *stack.transcript]), secret_values(live) | {TOKEN}) == []
