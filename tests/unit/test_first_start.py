"""The first update of a stack creates the web pods beside their servers; every later one waits for the servers."""

from collections.abc import Callable

import pytest

from stack_config import first_start
from stack_config.cluster_questions import NotAskedError, NotFoundError
from stack_config.first_start import is_missing
from tests.support.unit import recording as program

SERVERS = ["StatefulSet postgres", "Deployment redis", "Job open-webui-preflight"]


def answers(error: Exception | None) -> Callable[[str], object]:
    def ask(path: str) -> object:
        assert path == "/apis/apps/v1/namespaces/chat/deployments/open-webui"
        if error:
            raise error
        return {"kind": "Deployment"}

    return ask


@pytest.mark.parametrize(
    ("error", "missing"),
    [(None, False), (NotFoundError("not there"), True), (NotAskedError("(Forbidden)"), False)],
    ids=["exists", "does not exist", "not answered"],
)
def test_only_a_deployment_that_is_known_to_be_missing_is_a_first_start(error: Exception, missing: bool) -> None:
    assert is_missing(answers(error), "chat") is missing


def waits_for(monkeypatch: pytest.MonkeyPatch, *sets: str, secrets: dict[str, str] | None = None) -> list[str]:
    """The servers that the web pods of a first start wait for."""
    monkeypatch.setattr(first_start, "is_first_start", lambda *_: True)
    seen = program.run("dev", sets, secrets)
    urns = seen.waits_for(seen.one("Deployment", "open-webui"))
    return [name for name in SERVERS if any(f"{r.kind} {r.name}" == name and r.urn in urns for r in seen.resources)]


def test_the_first_web_pods_wait_for_no_server(monkeypatch: pytest.MonkeyPatch) -> None:
    assert waits_for(monkeypatch) == []


def test_they_wait_for_what_their_pods_mount(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(first_start, "is_first_start", lambda *_: True)
    seen = program.run("dev")
    needed = seen.waits_for(seen.one("Deployment", "open-webui"))
    for kind, name in (("Secret", "postgresql-secret"), ("Secret", "redis-config"), ("ServiceAccount", "open-webui")):
        assert seen.one(kind, name).urn in needed


def test_the_preflight_waits_for_the_servers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(first_start, "is_first_start", lambda *_: True)
    seen = program.run("dev")
    needed = seen.waits_for(seen.one("Job", "open-webui-preflight"))
    assert {seen.one("StatefulSet", "postgres").urn, seen.one("Deployment", "redis").urn} <= needed


@pytest.mark.parametrize(
    ("sets", "secrets", "servers"),
    [
        (["postgresql.tls.issuer.name=ca"], {}, SERVERS),
        (["redis.tls.issuer.name=ca"], {}, SERVERS),
        (
            ["postgresql.topology=external", "postgresql.external.hosts=db.example.com"],
            {"databaseUrl": "postgresql://user:password@db.example.com/chat?sslmode=require"},
            ["Deployment redis", "Job open-webui-preflight"],
        ),
    ],
    ids=["a certificate of PostgreSQL", "a certificate of Redis", "an external database"],
)
def test_they_wait_where_the_preflight_or_a_certificate_comes_first(
    monkeypatch: pytest.MonkeyPatch, sets: list[str], secrets: dict[str, str], servers: list[str]
) -> None:
    assert waits_for(monkeypatch, *sets, secrets=secrets) == servers
