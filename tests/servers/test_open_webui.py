"""Two real replicas of the stack's Open WebUI are one application."""

from components.open_webui.files.startup.record import RECORD
from tests.support.servers.open_webui import Web
from tests.support.servers.open_webui_image import VERSION


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


def test_the_preflight_knows_beforehand_what_migrate_refuses_and_the_replicas_serve_on(web: Web) -> None:
    deployment = web.deployment
    fine = deployment.preflight()
    assert fine.returncode == 0, fine.stdout
    assert fine.stdout.endswith(f"preflight: Open WebUI {VERSION} can start on this database.\n")

    # On the tables that the real Open WebUI has created.
    other_size = {"PGVECTOR_INITIALIZE_MAX_VECTOR_LENGTH": "768"}
    for script in (deployment.preflight, deployment.migrate):
        refused = script(**other_size)
        assert refused.returncode == 1
        assert "are stored as vector(1536); the settings ask for vector(768)" in refused.stdout

    with web.servers.database.connect(autocommit=True) as connection:
        connection.execute("INSERT INTO alembic_version VALUES ('of-a-newer-release')")
        try:
            for script in (deployment.preflight, deployment.migrate):
                refused = script()
                assert refused.returncode == 1
                assert f"of-a-newer-release, which Open WebUI {VERSION} does not know" in refused.stdout
            token = web.admin_token()
            assert all(each.request("GET", "/api/v1/auths/", token=token).status == 200 for each in web.replicas)
        finally:
            connection.execute("DELETE FROM alembic_version WHERE version_num = 'of-a-newer-release'")
