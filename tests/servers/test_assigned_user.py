"""`pods.fixedUid: false`: servers with a user and a group that the platform assigns, as the SCC restricted-v2 does.

The user is of a range of OpenShift and has no name, the primary group is 0, and volumes belong to root and the
assigned group (`fsGroup`), which may write to them.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.servers import postgresql_database, redis_server, server_process
from tests.support.servers.postgresql_database import Database, rendered_database
from tests.support.servers.redis_server import APPLICATION_PASSWORD
from tests.support.servers.server_process import postgresql_programs, server_directory

ASSIGNED = 1_000_680_000
SETS = ("pods.fixedUid=false",)

pytestmark = pytest.mark.skipif(os.getuid() != 0, reason="only root can run as another user")


def _as_volume(path: Path) -> None:
    os.chown(path, 0, ASSIGNED)
    path.chmod(0o2775 if path.is_dir() else 0o440)


@pytest.fixture
def assigned(monkeypatch: pytest.MonkeyPatch) -> None:
    """The user of the servers, and the owner of their volumes."""
    user = {"user": ASSIGNED, "group": 0, "extra_groups": [ASSIGNED]}
    for module in (server_process, postgresql_database):
        monkeypatch.setattr(module, "unprivileged", lambda: user)
    for module in (server_process, postgresql_database, redis_server):
        monkeypatch.setattr(module, "give_away", _as_volume)


@pytest.fixture
def database(assigned: None) -> Iterator[Database]:  # noqa: ARG001
    with server_directory() as directory:
        made = rendered_database(directory, postgresql_programs(), SETS)
        made.log.chmod(0o666)
        yield made


def test_postgresql_creates_its_data_on_a_volume_of_the_assigned_group_and_starts_on_it_again(
    database: Database,
) -> None:
    assert database.prepared().rstrip().endswith("prepare: Ready.")
    assert (database.data.stat().st_uid, database.data.stat().st_mode & 0o777) == (ASSIGNED, 0o700)
    with database.serving(), database.connect(autocommit=True) as connection:
        connection.execute("CREATE TABLE kept (value int)")
        connection.execute("INSERT INTO kept VALUES (7)")
    database.prepared()
    with database.serving(), database.connect() as connection:
        assert connection.execute("SELECT value FROM kept").fetchone() == (7,)


def test_redis_writes_to_a_volume_of_the_assigned_group(assigned: None) -> None:  # noqa: ARG001
    sets = (*SETS, "redis.durability=container")
    with server_directory() as directory:
        for _ in range(2):
            with redis_server.redis_server(directory, "redis", "dev", sets=sets) as server:
                client = server.client("openwebui", APPLICATION_PASSWORD)
                value = client.incr("open-webui:tasks:count")
            assert (directory / "data" / "appendonlydir").stat().st_uid == ASSIGNED
    assert value == 2
