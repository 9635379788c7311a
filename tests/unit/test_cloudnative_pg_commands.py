"""What the commands of `stackctl` say about a cluster of CloudNativePG, where they differ from those on one server."""

from types import SimpleNamespace
from typing import Any

import pytest

from stackctl.adopt import plan
from stackctl.adopt.plan import Resource
from stackctl.deployed.stack import Stack
from stackctl.recover import operations
from stackctl.upgrading.server import read_server
from terminal.errors import UsageError
from tests.support.unit.verify_cluster import FakeCluster

TARGET: Any = SimpleNamespace()
RECOVERIES = [
    {"to": "latest", "confirmed": True},
    {"drill": True},
    {"back": True, "confirmed": True},
    {},
]


def stack(database: Any = "cloudnative-pg") -> Stack:
    return FakeCluster(database=database).stack


def test_an_upgrade_is_a_change_of_the_operators_image() -> None:
    with pytest.raises(UsageError, match=r"upgrades it itself when postgresql\.cloudnativePg\.image has a newer"):
        read_server(stack())


@pytest.mark.parametrize("recovery", RECOVERIES, ids=str)
def test_a_recovery_is_into_a_new_cluster(recovery: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """Not that the archive is off: it may be on, and `stackctl` has no way to it."""
    monkeypatch.setattr(operations, "find_stack", lambda _: stack())
    request = {"to": "", "archive": "", "drill": False, "back": False, "discard": False, "confirmed": False}
    with pytest.raises(UsageError, match=r"another stack with postgresql\.cloudnativePg\.recovery") as error:
        operations.recover(TARGET, operations.Request(**{**request, **recovery}))
    assert "no archive" not in str(error.value)


def test_an_external_database_has_no_archive_of_the_stack(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(operations, "find_stack", lambda _: stack("external"))
    request = operations.Request(to="latest", archive="", drill=False, back=False, discard=False, confirmed=True)
    with pytest.raises(UsageError, match="the database has no archive"):
        operations.recover(TARGET, request)


@pytest.mark.parametrize(
    ("host", "refused"),
    [("postgres", False), ("postgres-pooler", False), ("postgres-pooler.rag-system.svc", False), ("postgres-rw", True)],
)
def test_a_stack_whose_clients_go_through_pgbouncer_can_be_adopted(host: str, refused: bool) -> None:
    url = f"postgresql://ragsystemuser:rag322wq@{host}:5432/ragsystemdb"
    secret = {
        "kind": "Secret",
        "metadata": {"name": "postgresql-secret", "namespace": "rag-system"},
        "stringData": {"database-url": url},
    }
    declared = Resource(
        urn="urn:pulumi:dev::s::postgresql-secret",
        type="kubernetes:core/v1:Secret",
        parent="",
        provider="",
        inputs=secret,
        is_new=True,
    )
    reasons = [obstacle.why for obstacle in plan.obstacles([declared], {declared.urn: secret}, [])]
    assert [f"the application's database is at {host}" in reason for reason in reasons] == [True] * refused
