"""The exporters of the stack's pods as processes, beside servers of the tests."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from components.postgresql.pooler.names import POOLER
from devcluster.toolchain.go_programs import PGBOUNCER_EXPORTER, POSTGRES_EXPORTER, build
from tests.support.servers.exporters import Exporter, exporter
from tests.support.servers.postgresql_database import Database
from tests.support.servers.rendered import Manifest, rendered
from tests.support.servers.rendered_pooler import RenderedPooler
from tests.support.servers.server_process import missing

_REDIS_EXPORTER = "prometheus-redis-exporter"
"""Debian's, which is older than that of the image."""


@contextmanager
def redis_exporter(workload: Manifest, directory: Path, host: str, port: int, password: str) -> Iterator[Exporter]:
    """The exporter of a rendered pod, for the server at that address."""
    container = _container(workload)
    environment = {variable["name"]: variable.get("value", password) for variable in container["env"]}
    environment["REDIS_ADDR"] = environment["REDIS_ADDR"].replace("localhost:6379", f"{host}:{port}")
    program = shutil.which(_REDIS_EXPORTER)
    if not program:
        missing(_REDIS_EXPORTER, _REDIS_EXPORTER)
    with exporter([str(program)], "-web.listen-address=", directory, environment) as running:
        yield running


def exported_settings(major: int) -> tuple[str, ...]:
    """Config keys of a PostgreSQL of that major version with an exporter."""
    return ("monitoring.enabled=true", "backup.enabled=true", f"postgresql.image=pgvector/pgvector:pg{major}")


@contextmanager
def postgresql_exporter(database: Database, major: int = 18) -> Iterator[Exporter]:
    """The exporter's container, with the server's port and the paths of the database's directory."""
    container = _container(rendered("prod", "StatefulSet", "postgres", exported_settings(major)))
    environment = {variable["name"]: variable["value"] for variable in container["env"]}
    environment["DATA_SOURCE_NAME"] = environment["DATA_SOURCE_NAME"].replace("port=5432", f"port={database.port}")
    arguments = [
        argument.replace("/etc/postgres-exporter/", f"{database.directory}/conf/")
        for argument in container["args"]
        if not argument.startswith("--web.listen-address")
    ]
    # The containers' user cannot enter the directory of this machine's programs.
    program = str(shutil.copy(build(POSTGRES_EXPORTER), database.directory))
    with exporter([program, *arguments], "--web.listen-address=", database.directory, environment) as running:
        yield running


@contextmanager
def pooler_exporter(pooler: RenderedPooler) -> Iterator[Exporter]:
    """The exporter's container, with the port of PgBouncer."""
    container = _container(rendered("prod", "Deployment", POOLER, pooler.sets))
    [variable] = container["env"]
    assert "port=5432" in variable["value"]
    environment = {variable["name"]: variable["value"].replace("port=5432", f"port={pooler.port}")}
    arguments = [each for each in container["args"] if not each.startswith("--web.listen-address")]
    program = str(shutil.copy(build(PGBOUNCER_EXPORTER), pooler.directory))
    with exporter([program, *arguments], "--web.listen-address=", pooler.directory, environment) as running:
        yield running


def _container(workload: Manifest) -> dict[str, Any]:
    containers: list[dict[str, Any]] = workload["spec"]["template"]["spec"]["containers"]
    [container] = [each for each in containers if each["name"] == "exporter"]
    return container
