"""What `status` asks a real PostgreSQL by psql, with the roles and the configuration of the stack."""

import os
import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from stackctl.deployed.kubectl import Kubectl, KubectlError
from stackctl.deployed.stack import Stack
from stackctl.status.database import measure
from stackctl.status.state import Certificate
from tests.support.servers.backups import backups_of
from tests.support.servers.postgresql_database import Database, rendered_database
from tests.support.servers.server_process import postgresql_programs

SETTINGS = ("backup.enabled=true",)


@dataclass(frozen=True, kw_only=True)
class PodKubectl(Kubectl):
    """`kubectl exec` into a container that is a directory of this machine."""

    database: Database

    def run(self, *arguments: str, stdin: str = "", seconds: float = 60) -> str:
        *where, program = arguments[: arguments.index("--") + 2]
        assert where == ["exec", "-i", "postgres-0", "-c", "postgres", "--"]
        done = subprocess.run(
            [f"{self.database.programs}/{program}", *arguments[len(where) + 1 :]],
            env={**os.environ, "PGHOST": str(self.database.directory / "run"), "PGPORT": str(self.database.port)},
            input=stdin,
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )
        if done.returncode:
            raise KubectlError(done.stderr.strip().splitlines()[-1])
        return done.stdout


def stack(database: Database) -> Stack:
    return Stack(PodKubectl(program="kubectl", namespace="rag-system", database=database))


@pytest.fixture
def database(directory: Path) -> Database:
    made = rendered_database(directory, postgresql_programs(), SETTINGS)
    made.copied()
    return made


def test_a_new_database_has_no_record(database: Database) -> None:
    with database.serving():
        measured = measure(stack(database))
    assert (measured.backups, measured.base_backup, measured.base_backups_fail) == ((), None, False)
    assert (measured.certificate, measured.waiting_segments) == (None, 0)
    size = sum(file.stat().st_size for file in database.data.rglob("*") if file.is_file())
    assert 0.5 * size < measured.used < 1.5 * size


def test_backups_base_backups_and_the_certificate_are_read(database: Database) -> None:
    with database.serving():
        before = datetime.now(UTC)
        backups_of(database, SETTINGS).done()
        with database.connect(host=str(database.directory / "run"), user="postgres", autocommit=True) as connection:
            connection.execute("ALTER ROLE exporter SET open_webui_stack.certificate = '100 200'")
            connection.execute("ALTER ROLE exporter SET open_webui_stack.base_backup_begun = '300'")
            connection.execute("ALTER ROLE exporter SET open_webui_stack.base_backup_failing_since = '400'")
        measured = measure(stack(database))
    [backup] = measured.backups
    assert (backup.place, backup.failed) == ("volume", False)
    assert backup.succeeded
    assert before < backup.succeeded < datetime.now(UTC)
    begins, ends, begun = (datetime.fromtimestamp(seconds, UTC) for seconds in (100, 200, 300))
    assert measured.certificate == Certificate(name="PostgreSQL", begins=begins, ends=ends)
    assert (measured.base_backup, measured.base_backups_fail) == (begun, True)


def test_an_error_of_the_server_is_not_an_empty_answer(database: Database) -> None:
    with database.serving():
        with database.connect(host=str(database.directory / "run"), user="postgres", autocommit=True) as connection:
            connection.execute("REVOKE pg_monitor FROM exporter")
        with pytest.raises(KubectlError, match="permission denied"):
            measure(stack(database))
