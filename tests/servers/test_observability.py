"""What the real Open WebUI sends by OTLP and writes to its log, with the settings of `openWebui.observability`."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from tests.support.servers.open_webui import ADMIN_EMAIL, OpenWebUI, Servers, servers
from tests.support.servers.otlp_receiver import Receiver, attributes, otlp_receiver
from tests.support.servers.replica import Replica
from tests.support.servers.server_process import wait_until

OBSERVABILITY = "openWebui.observability"
TOKEN = "token-of-the-receiver"
EXPORT_SECONDS = 60
PATHS = {"metrics": "/api/v1/otlp/v1/metrics", "traces": "/tempo/v1/traces", "logs": "/loki/otlp/v1/logs"}


@dataclass(frozen=True, kw_only=True)
class Observed:
    """Two replicas with everything switched on, and the receiver of what they send."""

    replicas: list[Replica]
    deployment: OpenWebUI
    receiver: Receiver
    servers: Servers

    def log(self, replica: int) -> list[dict[str, Any]]:
        """The lines of a replica's log that are JSON."""
        return [json.loads(line) for line in self.lines(replica) if line.startswith("{")]

    def lines(self, replica: int) -> list[str]:
        return self.replicas[replica].log.read_text().splitlines()

    def audit(self, replica: int) -> list[dict[str, Any]]:
        """The entries of the audit log in a replica's log."""
        extras = [each.get("extra", {}) for each in self.log(replica)]
        return [extra for extra in extras if extra.get("auditable")]


@pytest.fixture(scope="module")
def observed() -> Iterator[Observed]:
    with servers() as around, otlp_receiver() as receiver:
        endpoints = [
            f"{OBSERVABILITY}.otel.{signal}Endpoint=http://localhost:{receiver.http_port}{path}"
            for signal, path in PATHS.items()
        ]
        deployment = around.open_webui(
            "dev",
            *endpoints,
            f"{OBSERVABILITY}.otel.intervalSeconds=5",
            f"{OBSERVABILITY}.jsonLogs=true",
            f"{OBSERVABILITY}.audit.level=metadata",
            OTEL_EXPORTER_OTLP_HEADERS=f"authorization=Bearer%20{TOKEN},x-scope-orgid=tests",
        )
        deployment.migrated()
        with deployment.replicas(2) as replicas:
            for replica in replicas:
                assert replica.sign_in(ADMIN_EMAIL, deployment.admin_password).status == 200
                assert replica.sign_in(ADMIN_EMAIL, "wrong").status == 400
            yield Observed(replicas=replicas, deployment=deployment, receiver=receiver, servers=around)


@pytest.mark.parametrize("signal", PATHS)
def test_each_signal_arrives_at_its_path_with_the_headers(observed: Observed, signal: str) -> None:
    wait_until(lambda: len(observed.receiver.instances(signal)) == 2, f"{signal} of both replicas", EXPORT_SECONDS)
    exports = observed.receiver.of(signal)
    assert {each.path for each in exports} == {PATHS[signal]}
    assert {each.headers["authorization"] for each in exports} == {f"Bearer {TOKEN}"}
    assert {each.headers["x-scope-orgid"] for each in exports} == {"tests"}


def test_two_replicas_are_two_series(observed: Observed) -> None:
    receiver = observed.receiver

    def sign_ins() -> dict[str, int]:
        counts = {}
        for instance, point in receiver.points("http.server.requests"):
            of = attributes(point)
            if (of["http.route"], of["http.status_code"]) == ("/api/v1/auths/signin", "200"):
                counts[instance] = int(point["asInt"])
        return counts

    wait_until(lambda: len(sign_ins()) == 2, "the sign-ins of both", EXPORT_SECONDS)
    # One series of both would have one identity, and a counter that goes up and down.
    assert sign_ins() == {replica.data.parent.name: 1 for replica in observed.replicas}
    resources = [each["resource"] for export in receiver.of("metrics") for each in export.resources]
    assert {attributes(each)["service.namespace"] for each in resources} == {"rag-system"}
    assert {attributes(each)["service.name"] for each in resources} == {"open-webui"}


def test_users_are_counted_by_every_replica(observed: Observed) -> None:
    wait_until(lambda: len({i for i, _ in observed.receiver.points("webui.users.total")}) == 2, "users", EXPORT_SECONDS)
    # The same number from each: a sum over the replicas would be wrong.
    assert {int(point["asInt"]) for _, point in observed.receiver.points("webui.users.total")} == {1}


def test_no_credential_of_the_stack_is_in_what_is_sent(observed: Observed) -> None:
    wait_until(lambda: bool(observed.receiver.spans()), "spans", EXPORT_SECONDS)
    sent = json.dumps([each.message for each in observed.receiver.exports])
    urls = [url for of in observed.servers.secrets.values() for url in of.values()]
    passwords = [url.split("@")[0].rpartition(":")[2] for url in urls]
    for secret in (TOKEN, observed.deployment.admin_password, observed.deployment.signing_key, *passwords):
        assert len(secret) > 8
        assert secret not in sent


def test_traces_have_what_the_documentation_warns_of(observed: Observed) -> None:
    token = observed.replicas[0].sign_in(ADMIN_EMAIL, observed.deployment.admin_password).body["token"]
    assert observed.replicas[0].request("GET", "/api/v1/users/", token=token).status == 200

    def values(name: str) -> set[str]:
        return {attributes(span)[name] for span in observed.receiver.spans() if name in attributes(span)}

    wait_until(lambda: ADMIN_EMAIL in values("client.user.email"), "the user of a request", EXPORT_SECONDS)
    statements = values("db.statement")
    assert any(each.startswith(f"INCRBY open-webui:ratelimit:{ADMIN_EMAIL}:") for each in statements)


def test_every_line_of_the_server_is_json_but_the_first_two_of_uvicorn(observed: Observed) -> None:
    lines = observed.lines(0)
    assert len(observed.log(0)) > 5
    started, waits = [line for line in lines if not line.startswith("{")]
    assert started.startswith("INFO:     Started server process")
    assert waits == "INFO:     Waiting for application startup."


def test_the_audit_log_is_json_on_stdout_without_bodies_and_without_a_status(observed: Observed) -> None:
    wait_until(lambda: len(observed.audit(0)) >= 2, "the audit log", 10)
    [entry, refused, *_] = [each for each in observed.audit(0) if each["request_uri"].endswith("/auths/signin")]
    assert (entry["verb"], entry["audit_level"]) == ("POST", "METADATA")
    assert not entry["request_object"]
    # A refused sign-in looks like one that succeeded, which the documentation says.
    assert entry["response_status_code"] is None
    assert refused["response_status_code"] is None
    assert observed.deployment.admin_password not in observed.replicas[0].log.read_text()


def test_there_is_no_audit_file(observed: Observed) -> None:
    place = observed.replicas[0].data.parent
    assert (place / "data").is_dir()
    assert [path for path in place.rglob("*audit*") if path.is_file() and path.suffix != ".pyc"] == []


def test_an_export_by_grpc_is_plain_for_an_http_url(observed: Observed) -> None:
    with otlp_receiver() as receiver:
        deployment = observed.servers.open_webui(
            "dev",
            f"{OBSERVABILITY}.otel.protocol=grpc",
            f"{OBSERVABILITY}.otel.metricsEndpoint=http://localhost:{receiver.grpc_port}",
            f"{OBSERVABILITY}.otel.intervalSeconds=5",
            OTEL_EXPORTER_OTLP_HEADERS=f"authorization=Bearer%20{TOKEN}",
        )
        with deployment.replicas(1) as [replica]:
            wait_until(lambda: bool(receiver.of("metrics")), "metrics by gRPC", EXPORT_SECONDS)
            assert receiver.instances("metrics") == {replica.data.parent.name}
            assert receiver.exports[0].headers["authorization"] == f"Bearer {TOKEN}"
            # Text, as jsonLogs is off.
            assert not replica.log.read_text().startswith("{")
