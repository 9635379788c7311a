"""Open WebUI itself through PgBouncer of the stack, with the environment of the web pods."""

import dataclasses
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from components.postgresql.names import SERVICE
from components.postgresql.pooler.configuration import own_server_ini
from tests.support.servers.open_webui import ADMIN_EMAIL, OpenWebUI, servers
from tests.support.servers.postgresql_database import CLIENT_PASSWORD, CLIENT_USER
from tests.support.servers.rendered_pooler import ON, RenderedPooler
from tests.support.servers.replica import Replica

SAVES = 60


@pytest.fixture(params=["session", "transaction"])
def pooled(request: pytest.FixtureRequest) -> Iterator[tuple[OpenWebUI, RenderedPooler]]:
    """A Deployment whose web pods connect to a PgBouncer in that mode; `migrate` connects to the server."""
    sets = (*ON, f"postgresql.pooler.mode={request.param}")
    with servers("prod", sets) as around:
        database = around.database
        place = f"host='127.0.0.1' port='{database.port}'"
        server = own_server_ini(SERVICE, None).replace("host='postgres' port='5432'", place)
        changes = {"default_pool_size": "6", "max_db_connections": "6"} if request.param == "transaction" else {}
        pooler = RenderedPooler(
            around.directory / "pooler", server, {CLIENT_USER: CLIENT_PASSWORD}, sets, changes=changes
        )
        url = f"postgresql://{CLIENT_USER}:{CLIENT_PASSWORD}@127.0.0.1:{pooler.port}/ragsystemdb"
        secrets = dict(around.secrets)
        secrets["postgresql-secret"] = {**secrets["postgresql-secret"], "client-url": url, "direct-url": url}
        with pooler.serving():
            yield dataclasses.replace(around.open_webui("dev", *sets), secrets=secrets), pooler


def test_it_serves_and_saves_without_a_failure(pooled: tuple[OpenWebUI, RenderedPooler]) -> None:
    """Admin settings first of all: prepared statements that a pooler loses make these requests fail."""
    web, pooler = pooled
    web.migrated()
    with web.replicas(1) as [replica]:
        signed_in = replica.sign_in(ADMIN_EMAIL, web.admin_password)
        assert signed_in.status == 200
        token = signed_in.body["token"]
        config = replica.request("GET", "/api/v1/auths/admin/config", token=token).body

        def save(number: int) -> list[int]:
            saved = replica.request("POST", "/api/v1/auths/admin/config", config, token=token).status
            if number % 10:
                return [saved]
            chat = {"chat": {"title": str(number), "messages": []}}
            created = replica.request("POST", "/api/v1/chats/new", chat, token=token).status
            return [saved, created, replica.request("GET", "/api/v1/chats/", token=token).status]

        with ThreadPoolExecutor(5) as clients:
            statuses = [status for each in clients.map(save, range(SAVES)) for status in each]
        assert statuses == [200] * (SAVES + 2 * SAVES // 10)
        assert _connections_of(replica, pooler) > 0


def _connections_of(replica: Replica, pooler: RenderedPooler) -> int:
    """Clients of PgBouncer, while the replica serves."""
    assert replica.process.poll() is None
    return sum(row[1] == CLIENT_USER for row in pooler.console("SHOW CLIENTS"))
