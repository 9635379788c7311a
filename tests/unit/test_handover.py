"""A handover of the schema: what `migrate` and a server do before and without one. With real servers: tests/servers."""

import importlib
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import SimpleNamespace
from typing import Any

import psycopg
import pytest

from components.open_webui.deadlines import NOTICE_SECONDS
from components.open_webui.files.startup import handover, migrate, open_webui_start, serving_lock
from components.open_webui.files.startup.handover import Handover, require_no_server
from components.open_webui.files.startup.output import RefusedError
from components.open_webui.files.startup.release import Release

OLD = Release("1.0.0", frozenset({"aaaa"}), frozenset({"aaaa"}))
NEW = Release("2.0.0", frozenset({"aaaa", "bbbb"}), frozenset({"bbbb"}))


class Rows(list[tuple[Any, ...]]):
    def fetchone(self) -> tuple[Any, ...] | None:
        return self[0] if self else None


class Session:
    """A connection whose answers are those of the first text that a statement contains."""

    def __init__(self, **answers: tuple[Any, ...] | list[tuple[Any, ...]]) -> None:
        self.answers = answers
        self.statements: list[str] = []

    def execute(self, statement: bytes, _parameters: object = ()) -> Rows:
        text = statement.decode()
        self.statements.append(text)
        rows = next((rows for part, rows in self.answers.items() if part in text), (None,))
        return Rows(rows if isinstance(rows, list) else [rows])

    @contextmanager
    def transaction(self) -> Iterator[None]:
        yield

    def executed(self, part: str) -> bool:
        return any(part in statement for statement in self.statements)


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("STRANGERS_SECONDS", "LOST_SECONDS"):
        monkeypatch.setattr(handover, name, 0)
    monkeypatch.setattr(serving_lock, "LOOK_SECONDS", 0)
    monkeypatch.setenv("MIGRATE_NOTICE_SECONDS", "0")
    monkeypatch.setenv("MIGRATE_HANDOVER_SECONDS", "0")


@pytest.fixture
def bring_up_to_date(monkeypatch: pytest.MonkeyPatch) -> Callable[[Session, Release], list[str]]:
    """Runs `migrate.bring_up_to_date` without its checks, and returns what it began."""
    begun: list[str] = []
    monkeypatch.delenv("SCHEMA_UPGRADE", raising=False)
    for name, value in (("can_have_vector_tables", False), ("database_problems", []), ("recorded_state", None)):
        monkeypatch.setattr(migrate, name, lambda *_, value=value: value)
    monkeypatch.setattr(migrate, "complete", lambda *_: None)
    monkeypatch.setattr(migrate, "run_start", lambda *_, **__: begun.append("start"))

    def run(session: Session, release: Release) -> list[str]:
        migrate.bring_up_to_date(session, release, 1)  # type: ignore[arg-type]
        return begun

    return run


def test_without_handovers_a_migration_beside_a_server_that_takes_part_is_refused(
    bring_up_to_date: Callable[[Session, Release], list[str]],
) -> None:
    """As after a handover that failed, when the operator turns handovers off: the old release serves."""
    serving = Session(pg_try_advisory_lock=(False,), version_num=[("aaaa",)], to_regclass=("alembic_version",))
    with pytest.raises(RefusedError, match="Servers of another release serve"):
        bring_up_to_date(serving, NEW)
    alone = Session(pg_try_advisory_lock=(True,), version_num=[("aaaa",)], to_regclass=("alembic_version",))
    assert bring_up_to_date(alone, NEW) == ["start"]
    # The schema stays: a roll.
    same = Session(pg_try_advisory_lock=(False,), version_num=[("aaaa",)], to_regclass=("alembic_version",))
    assert bring_up_to_date(same, OLD) == ["start", "start"]
    assert not same.executed("pg_try_advisory_lock")


def test_the_lock_of_the_servers_is_taken_as_soon_as_the_last_one_is_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(handover, "LOST_SECONDS", 10)
    answers = iter([False, False, True])
    monkeypatch.setattr(handover, "try_exclusive", lambda *_: next(answers))
    require_no_server(Session())  # type: ignore[arg-type]
    assert next(answers, None) is None


def test_nothing_stops_for_an_attempt_that_would_wait_for_other_sessions() -> None:
    session = Session(application_name=(1, "ragsystemuser"))
    with pytest.raises(RefusedError, match=r"1 session\(s\) of ragsystemuser .* The servers .* continue"):
        Handover(session, "2.0.0").take(lambda: None)  # type: ignore[arg-type]
    assert not session.executed("pg_try_advisory_lock")
    assert not session.executed("CREATE TABLE")


class StoppedError(Exception):
    pass


def test_a_server_stops_when_the_schema_is_another_one(monkeypatch: pytest.MonkeyPatch) -> None:
    def restart() -> None:
        raise StoppedError

    monkeypatch.setattr(serving_lock, "restart", restart)
    lock = serving_lock.ServingLock(OLD, 0)
    revisions = iter(["aaaa", "aaaa", "bbbb"])

    class Changing(Session):
        def execute(self, statement: bytes, parameters: object = ()) -> Rows:
            if b"version_num" in statement:
                return Rows([(next(revisions),)])
            return super().execute(statement, parameters)

    lock._connection = Changing(pg_try_advisory_xact_lock_shared=(True,), to_regclass=("alembic_version",))  # type: ignore[assignment]
    with pytest.raises(StoppedError):
        lock._watch()
    assert next(revisions, None) is None


def test_a_server_notices_a_lost_session_before_a_migration_is_announced(monkeypatch: pytest.MonkeyPatch) -> None:
    parameters: dict[str, Any] = {}

    def connect(**options: Any) -> Session:
        parameters.update(options)
        # The statement that looks for an announcement, and the one that takes the lock.
        return Session(pg_try_advisory=(True,), version_num=[("aaaa",)], to_regclass=("alembic_version",))

    monkeypatch.setenv("DATABASE_URL", "postgresql://user:word@127.0.0.1/name")
    monkeypatch.setattr(psycopg, "connect", connect)
    lock = serving_lock.ServingLock(OLD, 0)
    assert lock._obstacle() == ""
    assert parameters["tcp_user_timeout"] / 1000 + 1 < NOTICE_SECONDS


class NotStartedError(Exception):
    pass


def test_with_a_handover_the_server_notices_soon_that_the_node_of_a_migration_is_lost(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    environments: list[dict[str, str]] = []

    def popen(*_: object, env: dict[str, str], **__: object) -> None:
        environments.append(env)
        raise NotStartedError

    monkeypatch.delenv("PGOPTIONS", raising=False)
    monkeypatch.setattr(subprocess, "Popen", popen)
    connection: Any = SimpleNamespace(fileno=lambda: 0)
    for handing_over in (lambda _look: None, None):
        with pytest.raises(NotStartedError):
            open_webui_start.run_start(connection, vector_tables=False, patience=1, handover=handing_over)
    options = [environment.get("PGOPTIONS", "") for environment in environments]
    assert "-c tcp_keepalives_idle=10 " in options[0]
    # A pooler may be in front, and refuse it.
    assert options[1] == ""


def test_an_import_that_goes_on_after_a_refused_connection_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    listeners: list[Callable[[], None]] = []
    event = SimpleNamespace(
        listen=lambda _engine, _name, listener: listeners.append(listener),
        remove=lambda _engine, _name, listener: listeners.remove(listener),
    )
    sqlalchemy = SimpleNamespace(event=event, engine=SimpleNamespace(Engine=None))
    monkeypatch.setattr(importlib, "import_module", lambda _name: sqlalchemy)
    with open_webui_start.no_connections():
        pass
    expected = pytest.raises(RefusedError, match="uses the database when it is imported")
    with expected, open_webui_start.no_connections(), suppress(Exception):
        listeners[0]()
    assert not listeners
