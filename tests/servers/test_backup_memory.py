"""A backup within the bounds of its container: the private server builds the indexes that the real one has."""

import subprocess
from pathlib import Path

from components.backup.settings import PRIVATE_SERVER
from components.blocks.quantities import MEBIBYTE
from components.postgresql.memory import least_limit
from tests.support.servers.backups import RUN_SECONDS, backups_of
from tests.support.servers.container_bounds import bounded
from tests.support.servers.postgresql_database import rendered_database
from tests.support.servers.server_process import postgresql_with_pgvector

LEAST = least_limit(PRIVATE_SERVER)
# What a container runtime gives a container without a volume of its own there.
SHARED_MEMORY = 64 * MEBIBYTE


def test_a_backup_proves_documents_with_the_least_memory(directory: Path) -> None:
    sets = (f"backup.resources.limits.memory={LEAST}Mi", "backup.resources.requests.memory=64Mi")
    database = rendered_database(directory, postgresql_with_pgvector(), sets)
    backups = backups_of(database, sets)
    database.copied()
    with database.serving():
        # The type and number of vectors for which an IVFFlat index needs the most memory.
        backups.execute(
            "CREATE TABLE document_chunk AS SELECT n::text AS id, md5(n::text) AS text, (SELECT array_agg(random())"
            " FROM generate_series(1, 4000) WHERE n > 0)::halfvec(4000) AS vector FROM generate_series(1, 10000) AS n"
        )
        backups.execute("CREATE INDEX ON document_chunk USING ivfflat (vector halfvec_cosine_ops) WITH (lists = 100)")
        with bounded(LEAST * MEBIBYTE, SHARED_MEMORY) as bounds:
            result = subprocess.run(
                bounds.command(backups.command()),
                cwd=directory,
                env=backups.variables(),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                timeout=RUN_SECONDS,
                check=False,
                encoding="utf-8",
            )
            assert result.returncode == 0, result.stdout
            assert bounds.killed() == 0
    assert len(backups.dumps()) == 1
