"""Dumps of a cluster of CloudNativePG: the rendered CronJob's container beside a server with its roles and TLS."""

import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from components.postgresql.cloudnative_pg.monitoring.alerts import ALERTS
from components.postgresql.names import CLIENT_ROLE, CLIENT_USERS, DATABASE
from tests.support.servers.external_postgresql import own_directory
from tests.support.servers.operated_postgresql import OperatedPostgreSQL, encrypted_postgresql
from tests.support.servers.rendered import rendered
from tests.support.servers.server_process import give_away, postgresql_programs, unprivileged
from tests.support.unit.effects_on_cloudnative_pg import POOLED
from tests.support.unit.recording import run

QUERIES = ALERTS.with_name("queries.yaml")
# PgBouncer is there as well: a dump goes past it.
SETS = (*POOLED, "postgresql.maxConnections=1000", "postgresql.resources.limits.memory=8Gi", "backup.enabled=true")


@dataclass
class Dumps:
    """The container of the CronJob, with its paths moved into one directory."""

    postgresql: OperatedPostgreSQL
    directory: Path

    def run(self, command: str, *arguments: str) -> str:
        """Run the container with a command; it has to succeed."""
        done = subprocess.run(
            ["sh", str(self.directory / "scripts" / "backup.sh"), command, *arguments],
            cwd=self.directory,
            env=self._variables(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=300,
            check=False,
            text=True,
            **unprivileged(),
        )
        output: str = done.stdout
        assert done.returncode == 0, output
        return output

    def _variables(self) -> dict[str, str]:
        [container] = _cron_job_pod()["containers"]
        variables = {each["name"]: each["value"] for each in container["env"]}
        assert self.postgresql.authority
        moved = {
            "PGHOST": ("postgres", "localhost"),
            "PGPORT": ("5432", str(self.postgresql.server.port)),
            "PASSWORD_FILE": ("/run/secrets/postgresql/password", str(self.directory / "password")),
            "BACKUP_DIRECTORY": ("/backups", str(self.directory / "backups")),
            "PGSSLROOTCERT": ("/etc/postgresql-ca/ca.crt", str(self.directory / "ca.crt")),
        }
        for name, (inside, outside) in moved.items():
            assert variables[name] == inside
            variables[name] = outside
        assert variables["PGSSLMODE"] == "verify-full"
        path = f"{postgresql_programs()}:/usr/bin:/bin"
        return {**variables, "PATH": path, "TMPDIR": str(self.directory / "tmp")}


def _cron_job_pod() -> dict[str, Any]:
    spec = rendered("prod", "CronJob", "postgres-backup", SETS)["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    return dict(spec)


@pytest.fixture
def dumps(directory: Path) -> Iterator[Dumps]:
    with encrypted_postgresql(directory, postgresql_programs(), run("prod", SETS)) as postgresql:
        postgresql.follow_roles()
        place = own_directory(directory, "backup")
        for name in ("backups", "scripts", "tmp"):
            own_directory(place, name)
        for name, text in rendered("prod", "ConfigMap", "postgres-backup", SETS)["data"].items():
            (place / "scripts" / name).write_text(text)
        assert postgresql.authority
        for name, content in {"ca.crt": postgresql.authority.read_text(), "password": _password(postgresql)}.items():
            (place / name).write_text(content)
            give_away(place / name)
        yield Dumps(postgresql, place)


def _password(postgresql: OperatedPostgreSQL) -> str:
    return str(postgresql.recording.one("Secret", "postgresql-secret").plain("stringData", "password"))


def exported(dumps: Dumps) -> list[tuple[Any, ...]]:
    """What the operator's exporter asks of the record, as its role; nothing where the predicate is not true."""
    query = yaml.safe_load(QUERIES.read_text())["open_webui_stack_backup"]
    assert query["target_databases"] == [DATABASE]

    def ask(statement: str) -> list[tuple[Any, ...]]:
        as_exporter = ("SET ROLE cnpg_metrics_exporter", "SET search_path = pg_catalog, public, pg_temp", statement)
        return dumps.postgresql.server.as_superuser(*as_exporter, database=DATABASE)

    return ask(query["query"]) if ask(query["predicate_query"]) == [(True,)] else []


def test_a_dump_is_proved_recorded_and_restored(dumps: Dumps) -> None:
    client = dumps.postgresql.login("client-url")
    with dumps.postgresql.owner() as owner:
        owner.execute("CREATE TABLE chat (id int PRIMARY KEY, text text)")
        owner.execute("INSERT INTO chat SELECT n, 'line ' || n FROM generate_series(1, 500) AS n")
        owner.execute(f"GRANT USAGE, CREATE ON SCHEMA public TO {CLIENT_ROLE}".encode())
    with dumps.postgresql.connect(*client) as serving:
        # As the web pods own it, and as `migrate` lets their sessions begin.
        serving.execute(f"ALTER ROLE {CLIENT_USERS[0]} SET role = {CLIENT_ROLE}".encode())
    with dumps.postgresql.connect(*client) as serving:
        serving.execute("CREATE TABLE document_chunk AS SELECT 'a'::text AS id")

    dumps.postgresql.server.as_superuser("CREATE ROLE cnpg_metrics_exporter IN ROLE pg_monitor", database="postgres")
    assert exported(dumps) == []

    assert "Kept as" in dumps.run("run")

    [(place, size, succeeded, failed)] = exported(dumps)
    assert (place, failed) == ("volume", 0)
    assert size > 0
    assert abs(float(succeeded) - time.time()) < 300
    with dumps.postgresql.owner() as owner:
        owner.execute("DELETE FROM chat; DROP TABLE document_chunk")

    dumps.run("restore", "newest")

    with dumps.postgresql.owner() as owner:
        assert owner.execute("SELECT count(*) FROM chat").fetchone() == (500,)
        assert owner.execute("SELECT id FROM document_chunk").fetchone() == ("a",)
