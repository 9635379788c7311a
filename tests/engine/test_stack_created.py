"""A stack from nothing: everything runs, the contract's names hold, and a second update has nothing to do."""

from urllib.parse import urlsplit

from components.open_webui.encryption_keys import ENCRYPTION_VARIABLES
from tests.support.engine.stack import APPLICATIONS, Namespace, Stack

pytest_plugins = ("tests.support.engine.stack_fixtures",)


def test_every_pod_is_ready(live: Namespace) -> None:
    assert {name: len(live.pods(name)) for name in APPLICATIONS} == {
        "redis": 1,
        "postgres": 1,
        "tika": 1,
        "open-webui": 2,
    }
    for pod in live.pods():
        conditions = {condition.type: condition.status for condition in pod.status.conditions}
        assert conditions["Ready"] == "True", pod.metadata.name
        assert pod.spec.node_name, pod.metadata.name
    assert live.refusals() == []


def test_the_secrets_have_the_keys_of_the_contract(live: Namespace) -> None:
    assert {name: set(contents) for name, contents in live.secrets().items()} == {
        "redis-config": {"cache-url", "websocket-url"},
        "redis-acl": {"users.acl", "exporter-password", "reload-password"},
        "postgresql-secret": {"database-url", "client-url", "owner-url", "password", "backup-password"},
        "postgres-roles": {"ragsystemuser", "ragsystemapp_1", "ragsystembackup"},
        "openwebui-secret": {"secret-key", "openai-api-key", "FEISHU_CLIENT_SECRET", *ENCRYPTION_VARIABLES.values()},
        "openwebui-admin": {"email", "password"},
    }


def test_the_outputs_are_what_the_pods_are_given(base: Stack, live: Namespace) -> None:
    assert base.outputs() == {
        "namespace": "rag-system",
        "webui_url": "http://open-webui.rag-system.svc.cluster.local",
        "redis_cache_url": live.secret("redis-config")["cache-url"],
        "redis_websocket_url": live.secret("redis-config")["websocket-url"],
        "database_url": live.secret("postgresql-secret")["database-url"],
        "admin_email": live.secret("openwebui-admin")["email"],
        "admin_password": live.secret("openwebui-admin")["password"],
    }


def test_the_urls_lead_to_services_that_have_endpoints(base: Stack, live: Namespace) -> None:
    outputs = base.outputs()
    for name in ("redis_cache_url", "redis_websocket_url", "database_url", "webui_url"):
        url = urlsplit(outputs[name])
        service = live.core.read_namespaced_service((url.hostname or "").partition(".")[0], live.name)
        assert (url.port or 80) in {port.port for port in service.spec.ports}, name
        endpoints = live.dynamic.resources.get(api_version="discovery.k8s.io/v1", kind="EndpointSlice").get(
            namespace=live.name, label_selector=f"kubernetes.io/service-name={service.metadata.name}"
        )
        assert any(endpoint.conditions.ready for item in endpoints.items for endpoint in item.endpoints), name


def test_a_second_update_has_nothing_to_do(base: Stack) -> None:
    assert base.preview().changes == set()
    run = base.up()
    assert run.changes == set()
    assert {"Deployment open-webui", "StatefulSet postgres", "Namespace namespace"} <= run.registered
