"""Two real replicas of the stack's Open WebUI are one application."""

from components.open_webui.startup.record import RECORD
from tests.servers.open_webui import VERSION, Web


def test_a_sign_in_at_one_replica_is_one_at_the_other_until_the_sign_out(web: Web) -> None:
    first, second = web.replicas
    token = web.admin_token()

    assert second.request("GET", "/api/v1/auths/", token=token).status == 200
    assert first.request("POST", "/api/v1/auths/signout", token=token).status == 200
    assert second.request("GET", "/api/v1/auths/", token=token).status == 401


def test_the_replicas_use_the_model_service_and_the_database_that_migrate_prepared(web: Web) -> None:
    token = web.admin_token()
    for replica in web.replicas:
        assert replica.request("GET", "/api/version").body["version"] == VERSION
        models = replica.request("GET", "/api/models", token=token).body["data"]
        assert [model["id"] for model in models] == ["test-model"]
    with web.servers.database.connect() as connection:
        assert connection.execute(f"SELECT count(*) FROM {RECORD}".encode()).fetchone() == (1,)
    assert web.deployment.migrated().startswith("migrate: Nothing to do")


def test_redis_refuses_the_replicas_nothing(web: Web) -> None:
    web.admin_token()
    assert web.servers.redis.denials() == []
