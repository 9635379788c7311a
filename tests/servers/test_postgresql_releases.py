"""Releases 16 and 18 of PostgreSQL, and the real Open WebUI across an upgrade from one to the other."""

from pathlib import Path

import pytest

from tests.support.servers.backups import TABLES, backups_of
from tests.support.servers.open_webui import Servers
from tests.support.servers.open_webui_image import lay_out_image
from tests.support.servers.postgresql_database import rendered_database
from tests.support.servers.redis_server import redis_server
from tests.support.servers.server_process import give_away, postgresql_with_pgvector
from tests.support.servers.upgraded_volume import NEW, OLD, SETS, Volume


@pytest.mark.parametrize("major", [OLD, NEW])
def test_the_server_is_prepared_and_backed_up(directory: Path, major: int) -> None:
    database = rendered_database(directory, postgresql_with_pgvector(major))
    database.prepared()
    # With the data of an earlier start.
    database.prepared()
    backups = backups_of(database)
    with database.serving():
        assert backups.execute("SELECT current_setting('server_version_num')::int / 10000") == [(major,)]
        superuser = {"host": str(directory / "run"), "user": "postgres"}
        with database.connect(**superuser) as connection:
            errors = connection.execute("SELECT sourceline, error FROM pg_file_settings WHERE error IS NOT NULL")
            assert errors.fetchall() == []
        backups.execute(TABLES)
        backups.execute(
            "CREATE TABLE chunk AS SELECT array_fill(n, ARRAY[3])::vector(3) AS v FROM generate_series(1, 9) AS n;"
            "CREATE INDEX ON chunk USING hnsw (v vector_l2_ops)"
        )
        before = backups.contents()
        backups.done()
        backups.execute("DROP TABLE chunk; DELETE FROM chat")

        backups.done("restore", "newest")

        assert backups.contents() == before
        assert backups.execute("SELECT v::text FROM chunk ORDER BY v <-> '[5,5,5]' LIMIT 1") == [("[5,5,5]",)]


VECTORS = """
import os
from open_webui.retrieval.vector.factory import get_vector_db_client
client = get_vector_db_client()
size = int(os.environ["PGVECTOR_INITIALIZE_MAX_VECTOR_LENGTH"])
vectors = [[float(n == place) for place in range(size)] for n in range(20)]
"""
INSERT = f"""{VECTORS}
for n, vector in enumerate(vectors):
    client.insert("documents", [{{"id": str(n), "text": f"text {{n}}", "vector": vector, "metadata": {{"n": n}}}}])
"""
SEARCH = f"""{VECTORS}
print("nearest", client.search("documents", vectors=[vectors[7]], limit=1).documents)
"""


def test_open_webui_works_with_its_data_after_an_upgrade(directory: Path) -> None:
    lay_out_image(directory / "image")
    for part in ("postgresql", "redis"):
        (directory / part).mkdir()
        give_away(directory / part)
    volume = Volume(rendered_database(directory / "postgresql", postgresql_with_pgvector(OLD), SETS))
    volume.database.copied()
    with redis_server(directory / "redis", "redis", "prod") as redis:
        deployment = Servers(database=volume.database, redis=redis, directory=directory).open_webui("dev")
        with volume.use(OLD).serving():
            deployment.migrated()
            inserted = deployment.run(INSERT)
            assert inserted.returncode == 0, inserted.stdout

        output = volume.start_pod()

        assert "Everything is there" in output
        with volume.use(NEW).serving():
            assert "Nothing to do: the database is ready for Open WebUI" in deployment.migrated()
            preflight = deployment.preflight()
            assert preflight.returncode == 0, preflight.stdout
            assert "nearest [['text 7']]" in deployment.run(SEARCH).stdout
