"""Replicas that wait for the migration of another one compile Open WebUI one at a time, with a real PostgreSQL."""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from components.open_webui.files.startup import compile_in_turn
from components.open_webui.files.startup.compile_in_turn import TURN_KEY, compiling_in_turn
from components.open_webui.files.startup.lock import LOCK_KEY
from tests.support.servers.fake_open_webui import PASSWORD, FakeOpenWebUI, ended, first_line, last_line
from tests.support.servers.postgresql_database import Database
from tests.support.servers.server_process import wait_until


@pytest.fixture
def fake(database: Database, tmp_path: Path) -> Iterator[FakeOpenWebUI]:
    """The fake with its database."""
    database.write_password(PASSWORD.encode())
    database.copied()
    fake = FakeOpenWebUI(tmp_path / "app", database)
    with database.serving():
        yield fake
        fake.end()


def test_a_replica_that_waits_compiles_when_its_turn_comes(fake: FakeOpenWebUI, tmp_path: Path) -> None:
    backend, cache = fake.directory / "backend", tmp_path / "cache"
    # An image without bytecode.
    (backend / "uvicorn").mkdir()
    (backend / "uvicorn/__init__.py").touch()
    with (
        closing(fake.database.connect(password=PASSWORD, autocommit=True)) as working,
        closing(fake.database.connect(password=PASSWORD, autocommit=True)) as compiling,
    ):
        working.execute("SELECT pg_advisory_lock(%s)", (LOCK_KEY,))
        compiling.execute("SELECT pg_advisory_lock(%s)", (TURN_KEY,))
        process = fake.start(PYTHONPYCACHEPREFIX=str(cache), PYTHONDONTWRITEBYTECODE="")
        assert "is at work on the database" in first_line(process)
        # What it compiled earlier, while it connected, does not count.
        (backend / "open_webui/late.py").touch()
        main = backend / "open_webui/main.py"
        main.write_text(main.read_text() + "\nimport open_webui.late\n")
        time.sleep(1.5)
        assert compiled(cache, "late") == []
        # That process may have compiled all that there was.
        (cache / "complete").unlink(missing_ok=True)
        compiling.execute("SELECT pg_advisory_unlock(%s)", (TURN_KEY,))
        wait_until(lambda: bool(compiled(cache, "late")), "it has compiled")
        assert fake.starts() == 0
        working.execute("SELECT pg_advisory_unlock(%s)", (LOCK_KEY,))
        status, output = ended(process)

    assert status == 0, output
    assert last_line(output).startswith("migrate: Ready for Open WebUI 1.0.0 after ")
    assert fake.lock_holders() == []


def compiled(cache: Path, module: str) -> list[Path]:
    """The bytecode of a module."""
    return list(cache.rglob(f"{module}.*.pyc"))


def test_the_turn_to_compile_goes_to_the_next_replica_when_one_is_ready(
    fake: FakeOpenWebUI, monkeypatch: pytest.MonkeyPatch
) -> None:
    running: list[list[str]] = []

    @contextmanager
    def compiling() -> Iterator[Callable[[], bool]]:
        state = ["begun"]
        running.append(state)
        yield lambda: state == ["begun"]
        state.append("ended")

    monkeypatch.setattr(compile_in_turn, "compiling_ahead", compiling)
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    with (
        closing(fake.database.connect(password=PASSWORD, autocommit=True)) as one,
        closing(fake.database.connect(password=PASSWORD, autocommit=True)) as another,
        closing(compiling_in_turn(one)) as first,
        closing(compiling_in_turn(another)) as second,
    ):
        for _ in range(3):
            next(first)
            next(second)
        assert running == [["begun"]]
        running[0].append("ready")
        assert list(first) == []
        assert running == [["begun", "ready", "ended"]]
        next(second)
        assert running == [["begun", "ready", "ended"], ["begun"]]
        # A replica that gets to migrate before it is ready.
        second.close()
        assert fake.lock_holders() == []


def test_with_one_core_only_the_replica_that_migrates_works(
    fake: FakeOpenWebUI, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 1)
    with closing(fake.database.connect(password=PASSWORD, autocommit=True)) as connection:
        assert list(compiling_in_turn(connection)) == []
        assert fake.lock_holders() == []
