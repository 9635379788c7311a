"""What each check of `make verify` decides, and what it says when something is wrong."""

from collections.abc import Callable
from typing import Any

import pytest

from stackctl.deployed import scaling
from stackctl.deployed.check import CannotRunError, CheckError
from stackctl.deployed.stack import SIMULATED, Account, Stack
from stackctl.verify import inside_pods, parts, report, visit
from stackctl.verify.checks import all_checks
from stackctl.verify.visit import Visit
from tests.support.unit.verify_cluster import ADMIN, ADMIN_PASSWORD, PASSWORD, FakeCluster

Change = Callable[[FakeCluster], Any]


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """The checks do not wait: a condition that does not hold at once does not hold later either."""
    monkeypatch.setattr(inside_pods, "_SUBSCRIBED_SECONDS", 0)
    monkeypatch.setattr(visit, "_CONNECT_SECONDS", 0)
    monkeypatch.setattr(Stack, "leaving_seconds", lambda _: 0)
    for seconds in ("_READY_SECONDS", "_POLL_SECONDS"):
        monkeypatch.setattr(scaling, seconds, 0)


def outcomes(cluster: FakeCluster, visit: Visit | None = None) -> dict[str, report.Result]:
    return {result.check: result for result in report.run(all_checks(visit), cluster.stack)}


def test_a_stack_as_it_should_be_passes_every_check() -> None:
    cluster = FakeCluster()
    assert {name: result.detail for name, result in outcomes(cluster).items() if result.outcome != "pass"} == {}
    assert cluster.left() == []
    assert cluster.wants == [3, 2]


def set_secret(secret: str, key: str, value: str) -> Change:
    return lambda cluster: cluster.secrets[secret].update({key: value})


def set_field(name: str, value: Any) -> Change:
    return lambda cluster: setattr(cluster, name, value)


def set_web(name: str, value: Any) -> Change:
    return lambda cluster: setattr(cluster.web, name, value)


def set_redis(name: str, value: Any) -> Change:
    return lambda cluster: cluster.redis.update({name: value})


WRONG: list[tuple[Change, str, str]] = [
    (
        set_field(
            "backups", {"lastScheduleTime": "2026-01-02T02:30:00Z", "lastSuccessfulTime": "2026-01-01T02:31:00Z"}
        ),
        "no backup failed",
        "the backup of 2026-01-02T02:30:00Z failed; the last successful one ended at 2026-01-01T02:31:00Z",
    ),
    (
        set_field("backups", {"lastScheduleTime": "2026-01-02T02:30:00Z"}),
        "no backup failed",
        "the backup of 2026-01-02T02:30:00Z failed; no backup has succeeded yet",
    ),
    (set_field("starts", 1), "pods are ready", "open-webui: 1 of 2 pods are ready: open-webui-1 open-webui: CrashLoop"),
    (set_secret("redis-config", "websocket-url", ""), "Secrets are complete", "redis-config lacks websocket-url"),
    (
        set_secret("redis-config", "cache-url", f"redis://openwebui:{PASSWORD}@redis:6379/0"),
        "Secrets are complete",
        "there is no Service redis",
    ),
    (set_secret("redis-config", "cache-url", "redis://redis-service:6379/0"), "Secrets are complete", "no password"),
    (set_field("rollout", {"observedGeneration": 0}), "pods are ready", "open-webui: a rollout is in progress"),
    (set_field("rollout", {"updatedReplicas": 1}), "pods are ready", "open-webui: a rollout is in progress"),
    (
        set_secret("postgresql-secret", "database-url", f"sqlite:///{PASSWORD}"),
        "Secrets are complete",
        "database-url: not a URL of postgresql",
    ),
    (
        set_secret("redis-config", "cache-url", f"redis://openwebui:{PASSWORD}@/0"),
        "Secrets are complete",
        "cache-url: the URL names no host",
    ),
    (set_field("pong", "NOAUTH"), "Redis answers PONG", "redis-cli ping answers 'NOAUTH' in redis-0"),
    *(
        (set_web("refuses", {path: 503}), "every replica is healthy", f"{path} of open-webui-0: status 503")
        for path in ("/health", "/health/db", "/ready")
    ),
    (
        set_secret("postgresql-secret", "database-url", f"postgresql://u:{PASSWORD}@[postgres/x"),
        "Secrets are complete",
        "not a URL",
    ),
    (set_redis("ping", "NOAUTH"), "Redis serves the web pods only", "PING without credentials: NOAUTH"),
    (
        set_redis("allowed", ["GET"]),
        "Redis serves the web pods only",
        "without credentials Redis serves GET",
    ),
    (
        set_redis("WEBSOCKET_REDIS_URL", "AuthenticationError: WRONGPASS"),
        "Redis serves the web pods only",
        "WEBSOCKET_REDIS_URL of open-webui-0: AuthenticationError: WRONGPASS",
    ),
    (set_field("names", {"postgres": None}), "names resolve in the web pods", "no address for postgres"),
    (set_field("names", {"postgres": ["10.9.9.9"]}), "names resolve in the web pods", "but the Service has 10.0.0.2"),
    (
        set_field("subscribers", 1),
        "Redis carries the websockets",
        "1 subscribers of the channel socketio, but 2 replicas",
    ),
    (
        set_field("subscribers", 4),
        "Redis carries the websockets",
        "another install uses the same Redis",
    ),
    (set_field("log", "2026-01-01T00:00:05Z started\n"), "the logs say so", "lacks the line: Using Redis"),
    (set_field("log", "failed to open\n"), "the logs say so", "cannot be read: failed to open"),
    (set_web("shares_key", False), "a session is valid on every replica", "answers with status 401"),
    (
        set_web("refuses", {"/auths/add": 403}),
        "a session is valid on every replica",
        "cannot add an account: status 403",
    ),
    (
        set_web("refuses", {"/health": 503}),
        "a session is valid on every replica",
        "the client pod does not reach http://10.1.0.1:8080: status 503",
    ),
    (set_web("refuses", {"/event": 403}), "an event crosses replicas", "rejects the event: status 403"),
    (set_web("shares_redis", False), "an event crosses replicas", "not at the websocket"),
    (set_web("refuses", {"/auths/": 403}), "a sign-out counts on every replica", "rejects the token that it issued"),
    (set_web("refuses", {"/signout": 403}), "a sign-out counts on every replica", "does not sign out: status 403"),
    (set_web("closes_websockets", False), "a sign-out counts on every replica", "the websocket is still open after 15"),
    (set_web("shares_redis", False), "a sign-out counts on every replica", "answers with status 200, not 401"),
    (
        set_field("failed_requests", [{"what": "status 502"}]),
        "no request fails meanwhile",
        "1 of 10 failed: status 502",
    ),
    (set_field("starts", 2), "one replica more and back", "3 ready replicas: not within 0 s"),
    (set_field("load_ends", "no module aiohttp"), "one replica more and back", "ended early: no module aiohttp"),
    (set_field("lingering", 3), "one replica more and back", "the additional replica has terminated: not within 0 s"),
    (set_field("deletes", False), "nothing is left behind", "still there: NetworkPolicy verify-client-"),
    (set_field("forgets", False), "nothing is left behind", "the original replica count is not restored"),
    (set_web("removes_accounts", False), "nothing is left behind", "could not be removed (status 500)"),
]


@pytest.mark.parametrize(("change", "check", "detail"), WRONG, ids=[f"{check}: {detail}" for _, check, detail in WRONG])
def test_what_is_wrong_is_told(change: Change, check: str, detail: str) -> None:
    cluster = FakeCluster()
    change(cluster)
    results = outcomes(cluster)
    assert (results[check].outcome, detail in results[check].detail) == ("fail", True), results[check]
    assert results[check].look_at
    assert "{kubectl}" not in results[check].look_at
    printed = report.as_json(list(results.values()), cluster.stack)
    assert PASSWORD not in printed
    assert ADMIN_PASSWORD not in printed


UNTOLD: list[tuple[Change, str, str]] = [
    (set_field("level", "INFO"), "the logs say so", "the level here is INFO"),
    (set_field("log", "2026-01-02T00:00:05Z much later\n"), "the logs say so", "no longer has its start"),
    (set_field("replicas", 1), "an event crosses replicas", "there is only one replica"),
    (set_field("fails", {"apply"}), "an event crosses replicas", "there is no client pod, see above"),
    (set_field("fails", {"apply"}), "no request fails meanwhile", "no request was sent"),
    (set_field("load_ends", "no module aiohttp"), "no request fails meanwhile", "no request was sent"),
    (set_field("requests", 0), "no request fails meanwhile", "no request was sent"),
]


@pytest.mark.parametrize(
    ("change", "check", "detail"), UNTOLD, ids=[f"{check}: {detail}" for _, check, detail in UNTOLD]
)
def test_what_cannot_be_told_is_neither_good_nor_bad(change: Change, check: str, detail: str) -> None:
    cluster = FakeCluster()
    change(cluster)
    result = outcomes(cluster)[check]
    assert (result.outcome, detail in result.detail) == ("cannot run", True), result


def test_the_client_in_a_redis_pod_is_the_engines_and_speaks_tls() -> None:
    environment = {"CLIENT": "valkey-cli", "CLIENT_OPTIONS": "--tls --insecure"}
    cluster = FakeCluster(
        redis_pods=3, reload_environment=[{"name": name, "value": value} for name, value in environment.items()]
    )
    result = outcomes(cluster)["Redis answers PONG"]
    assert (result.outcome, result.detail) == ("pass", "PONG from 3 pods")
    asked = [words for words in cluster.commands if words[-1] == "ping"]
    assert [words[0] for words in asked] == ["redis-0", "redis-1", "redis-2"]
    assert {words[-4:] for words in asked} == {("valkey-cli", "--tls", "--insecure", "ping")}


def test_with_sentinels_the_url_names_what_they_watch() -> None:
    cluster = FakeCluster(redis_pods=3)
    for key in ("cache-url", "websocket-url"):
        set_secret("redis-config", key, f"redis://openwebui:{PASSWORD}@main/0")(cluster)
    assert "no Service main" in outcomes(cluster)["Secrets are complete"].detail
    cluster = FakeCluster(redis_pods=3, variables={"REDIS_SENTINEL_HOSTS": "redis-sentinel"}, secrets=cluster.secrets)
    assert {result.outcome for result in outcomes(cluster).values()} == {"pass"}


def test_of_an_external_redis_no_pod_is_asked() -> None:
    cluster = FakeCluster(redis_pods=0, redis={**FakeCluster().redis, "ping": "NOAUTH", "allowed": ["GET"]})
    del cluster.secrets["redis-acl"]
    for key in ("cache-url", "websocket-url"):
        set_secret("redis-config", key, "rediss://redis.example.com:6379/0")(cluster)
    results = outcomes(cluster)
    assert {name: (r.outcome, r.detail) for name, r in results.items() if r.outcome != "pass"} == {
        "Redis answers PONG": ("cannot run", "Redis is external: it has no pods here")
    }
    assert "redis" not in results["Services lead to ready pods"].detail
    # The stack's own Redis has lost its pods: that is another thing.
    own = outcomes(FakeCluster(redis_pods=0))
    assert "no Deployment, StatefulSet or Cluster of redis" in own["pods are ready"].detail
    assert own["Redis answers PONG"].outcome == "fail"


def test_an_external_postgresql_has_no_pods_and_no_service() -> None:
    cluster = FakeCluster(database="external", sources={"DATABASE_URL": ("vault", "url")})
    del cluster.secrets["postgresql-secret"]
    cluster.secrets["vault"] = {"url": "postgresql://user@db.example.com/chats"}
    results = outcomes(cluster)
    assert {name: result.detail for name, result in results.items() if result.outcome != "pass"} == {}
    assert "postgres" not in results["Services lead to ready pods"].detail
    assert "postgres" not in results["pods are ready"].detail
    cluster.secrets["vault"]["url"] = "mysql://user@db.example.com/chats"
    assert "not a URL of postgresql" in outcomes(cluster)["Secrets are complete"].detail


def test_pgbouncer_of_the_stack_is_checked_where_there_is_one() -> None:
    results = outcomes(FakeCluster(pooler_pods=2))
    assert {name: result.detail for name, result in results.items() if result.outcome != "pass"} == {}
    assert "postgres-pooler 2" in results["pods are ready"].detail
    assert "postgres-pooler" in results["Services lead to ready pods"].detail
    assert "postgres-pooler" not in outcomes(FakeCluster())["Services lead to ready pods"].detail


def test_a_cluster_of_cloudnative_pg_is_ready_when_its_operator_says_so() -> None:
    results = outcomes(FakeCluster(database="cloudnative-pg"))
    assert {name: result.detail for name, result in results.items() if result.outcome != "pass"} == {}
    assert "postgres 3" in results["pods are ready"].detail
    updating = outcomes(FakeCluster(database="cloudnative-pg", database_ready=False))["pods are ready"]
    assert (updating.outcome, updating.detail) == ("fail", "postgres: a rollout is in progress")


def test_pgbouncer_of_the_operator_is_checked_as_that_of_the_stack() -> None:
    results = outcomes(FakeCluster(database="cloudnative-pg", pooler_pods=2))
    assert {name: result.detail for name, result in results.items() if result.outcome != "pass"} == {}
    assert "postgres-pooler 2" in results["pods are ready"].detail
    assert "postgres-pooler" in results["Services lead to ready pods"].detail
    missing = outcomes(FakeCluster(database="cloudnative-pg", pooler_pods=2, creates_pooler=False))["pods are ready"]
    assert missing.outcome == "fail"
    assert "no Deployment, StatefulSet or Cluster of postgres-pooler" in missing.detail


def test_secrets_of_somebody_else_are_read_where_the_pods_read_them() -> None:
    cluster = FakeCluster(sources={"WEBUI_ADMIN_PASSWORD": ("vault", "admin"), "SCIM_TOKEN": ("sso", "scim")})
    cluster.secrets |= {"vault": {"admin": cluster.secrets["openwebui-admin"].pop("password")}, "sso": {"scim": "t"}}
    assert {name: result.detail for name, result in outcomes(cluster).items() if result.outcome != "pass"} == {}
    cluster.secrets["sso"] = {"other": "t"}
    assert outcomes(cluster)["Secrets are complete"].detail.startswith("Secret sso lacks scim")


def test_simulated_pods_run_nothing() -> None:
    cluster = FakeCluster(node_annotations={"kwok.x-k8s.io/node": "fake"}, fails={"exec", "apply"})
    results = outcomes(cluster)
    assert {name for name, result in results.items() if result.outcome == "pass"} == {
        "pods are ready",
        "Secrets are complete",
        "Services lead to ready pods",
        "the exposure is accepted",
        "no backup failed",
        "one replica more and back",
        "nothing is left behind",
    }
    others = [result for result in results.values() if result.outcome != "pass"]
    assert {(result.outcome, result.detail) for result in others} == {("cannot run", SIMULATED)}


@pytest.mark.parametrize(
    "conditions",
    [
        pytest.param({"ready": False}, id="without-serving"),
        pytest.param({"ready": False, "serving": True, "terminating": True}, id="terminating"),
        pytest.param({"ready": True, "serving": False}, id="published-while-not-ready"),
    ],
)
def test_a_service_without_pods(monkeypatch: pytest.MonkeyPatch, conditions: dict[str, bool]) -> None:
    cluster = FakeCluster()
    slices = {"items": [{"endpoints": [{"conditions": conditions}]}, {"endpoints": None}]}
    answer = FakeCluster._get

    def get(self: FakeCluster, kinds: str, rest: list[str]) -> dict[str, Any]:
        return slices if kinds == "endpointslices" else answer(self, kinds, rest)

    monkeypatch.setattr(FakeCluster, "_get", get)
    with pytest.raises(CheckError, match="the Service redis-service has no ready pod"):
        parts.services_lead_to_pods(cluster.stack)


def test_pods_that_are_leaving_are_asked_nothing() -> None:
    cluster = FakeCluster(leaving=2)
    assert [pod["metadata"]["name"] for pod in cluster.stack.ready("open-webui")] == ["open-webui-0", "open-webui-1"]
    assert outcomes(cluster)["every replica is healthy"].detail.endswith("of 2 replicas")


def test_a_changed_administrators_password_is_said_plainly() -> None:
    cluster = FakeCluster()
    cluster.web.accounts[ADMIN] = "changed-Password-3"
    results = outcomes(cluster)
    first = results["a session is valid on every replica"]
    assert first.outcome == "fail"
    assert "--admin-password-file" in first.detail
    assert results["an event crosses replicas"].detail == "there is no temporary account, see above"
    results = outcomes(cluster, Visit(Account(email=ADMIN, password="changed-Password-3")))
    assert {result.outcome for result in results.values()} == {"pass"}


@pytest.mark.parametrize(
    ("status", "seen"),
    [
        (None, "no backup is scheduled"),
        ({}, "no backup has succeeded yet"),
        ({"lastScheduleTime": "2026-01-02T02:30:00Z", "active": [{"name": "a"}]}, "no backup has succeeded yet"),
        (
            {"lastScheduleTime": "2026-01-02T02:30:00Z", "lastSuccessfulTime": "2026-01-02T02:31:00Z"},
            "the last successful one ended at 2026-01-02T02:31:00Z",
        ),
    ],
    ids=["off", "new", "at work", "good"],
)
def test_a_backup_that_is_good_or_not_due_is_none_that_failed(status: dict[str, Any] | None, seen: str) -> None:
    assert parts.no_backup_failed(FakeCluster(backups=status).stack) == seen


def test_the_autoscalers_minimum_is_raised_and_put_back() -> None:
    spec = {"scaleTargetRef": {"name": "open-webui"}, "minReplicas": 2, "maxReplicas": 6}
    cluster = FakeCluster(replicas=3, autoscaler={"spec": spec}, subscribers=3)
    assert outcomes(cluster)["one replica more and back"].detail == "3 → 4 → 3"
    assert cluster.wants == [4, 3]
    assert spec["minReplicas"] == 2


def test_an_autoscaler_at_its_most_is_left_alone() -> None:
    spec = {"scaleTargetRef": {"name": "open-webui"}, "minReplicas": 2, "maxReplicas": 2}
    cluster = FakeCluster(autoscaler={"spec": spec})
    with pytest.raises(CannotRunError, match="at its maximum, 2 replicas"), scaling.one_more(cluster.stack):
        pass
    assert cluster.wants == []
    assert cluster.left() == []
