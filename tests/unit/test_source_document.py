"""The names, labels and commands of the document that the architecture comes from."""

import re

import pytest

from tests.support.unit.recording import Recording


@pytest.mark.parametrize(
    ("service", "port", "app"),
    [("redis-service", 6379, "redis"), ("postgres", 5432, "postgres"), ("open-webui", 80, "open-webui")],
)
def test_services(recording: Recording, service: str, port: int, app: str) -> None:
    spec = recording.one("Service", service).inputs["spec"]
    assert spec["ports"][0]["port"] == port
    assert spec["selector"] == {"app": app}
    assert spec["type"] == "ClusterIP"


def test_a_service_leads_to_a_port_that_its_pods_open(recording: Recording) -> None:
    for service in (r for r in recording.objects if r.kind == "Service"):
        [port] = service.inputs["spec"]["ports"]
        app = service.inputs["spec"]["selector"]["app"]
        opened = [p["name"] for c in recording.pods[app]["containers"] for p in c["ports"]]
        assert port["targetPort"] in opened, service.name


@pytest.mark.parametrize(
    ("secret", "keys"),
    [
        ("redis-config", {"cache-url", "websocket-url"}),
        ("postgresql-secret", {"database-url"}),
        ("openwebui-secret", {"secret-key"}),
    ],
)
def test_secrets(recording: Recording, secret: str, keys: set[str]) -> None:
    registration = recording.one("Secret", secret)
    assert registration.inputs["metadata"]["name"] == secret
    assert keys <= set(registration.plain("stringData"))


@pytest.mark.parametrize(
    ("variable", "secret", "key"),
    [
        ("REDIS_URL", "redis-config", "cache-url"),
        ("WEBSOCKET_REDIS_URL", "redis-config", "websocket-url"),
        ("WEBUI_SECRET_KEY", "openwebui-secret", "secret-key"),
    ],
)
def test_variables_come_from_secrets(recording: Recording, variable: str, secret: str, key: str) -> None:
    for container in ("open-webui/open-webui", "open-webui/migrate"):
        [matching] = [v for v in recording.containers[container]["env"] if v["name"] == variable]
        assert matching == {"name": variable, "valueFrom": {"secretKeyRef": {"name": secret, "key": key}}}


def test_the_database_urls_of_the_pods_have_time_limits(recording: Recording) -> None:
    secret = recording.one("Secret", "postgresql-secret")
    plain, owner, client = (secret.plain("stringData", key) for key in ("database-url", "owner-url", "client-url"))
    limits = r"\?connect_timeout=5&.*&tcp_user_timeout=15000"
    assert re.fullmatch(re.escape(plain) + limits, owner)
    assert re.fullmatch(r"postgresql://ragsystemapp_1:[^@]+@postgres:5432/ragsystemdb" + limits, client)


def test_only_the_containers_that_migrate_have_the_login_of_the_owner(recording: Recording) -> None:
    keys = {
        name: variable["valueFrom"]["secretKeyRef"]["key"]
        for name, container in recording.containers.items()
        for variable in container.get("env", ())
        if variable["name"] == "DATABASE_URL"
    }
    assert keys == {
        "open-webui/open-webui": "client-url",
        "open-webui/migrate": "owner-url",
        "open-webui-preflight/preflight": "owner-url",
    }


def test_websockets_go_through_redis(recording: Recording) -> None:
    assert {"name": "WEBSOCKET_MANAGER", "value": "redis"} in recording.containers["open-webui/open-webui"]["env"]


def test_redis_settings_of_the_document_are_the_defaults(dev: Recording) -> None:
    lines = dev.one("ConfigMap", "redis-conf").inputs["data"]["redis.conf"].splitlines()
    assert {'save ""', "appendonly no", "maxmemory 512mb", "maxmemory-policy allkeys-lru"} <= set(lines)
    resources = dev.containers["redis/redis"]["resources"]
    assert (resources["requests"]["memory"], resources["requests"]["cpu"]) == ("256Mi", "100m")
    assert resources["limits"]["cpu"] == "500m"
    # The document's limit equals maxmemory; Redis would be killed before it can evict.
    assert resources["limits"]["memory"] == "704Mi"


def test_the_documents_log_line_can_be_found_in_dev(dev: Recording) -> None:
    environment = {v["name"]: v.get("value") for v in dev.containers["open-webui/open-webui"]["env"]}
    assert environment["GLOBAL_LOG_LEVEL"] == "DEBUG"
    assert environment["ENABLE_DB_MIGRATIONS"] == "false"
