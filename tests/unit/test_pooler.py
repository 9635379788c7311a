"""PgBouncer of the stack: who connects through it and who past it, its connections, its files, what is refused."""

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

import pytest

from components.blocks.quantities import quantity
from components.postgresql.pooler.configuration import external_server_ini
from components.postgresql.scram import scram_verifier
from stack_config.load import PROJECT, ConfigError, parse
from tests.support.unit.recording import Recording, run
from tests.support.unit.uploads_in_pods import accepted

ON = ("postgresql.pooler.enabled=true",)
LARGE = (*ON, "postgresql.maxConnections=1200", "postgresql.resources.limits.memory=8Gi", "backup.enabled=true")
PASSWORD = "it's/50%"
URL = "postgresql://team:it%27s%2F50%25@db.example.com:5432/chats?sslmode=verify-full&sslrootcert=/etc/ssl/certs/ca.pem"
EXTERNAL = (
    *ON,
    "postgresql.topology=external",
    "postgresql.external.hosts=db.example.com",
    "postgresql.maxConnections=1200",
    "backup.enabled=true",
    "backup.storage.size=20Gi",
)


@pytest.fixture(scope="module")
def pooled() -> Recording:
    return run("prod", LARGE)


@pytest.fixture(scope="module")
def external() -> Recording:
    return run("prod", EXTERNAL, {"databaseUrl": URL})


def variables(recording: Recording, container: str) -> dict[str, Any]:
    return {each["name"]: each for each in recording.containers[container]["env"]}


def key_of(recording: Recording, container: str, name: str = "DATABASE_URL") -> str:
    return str(variables(recording, container)[name]["valueFrom"]["secretKeyRef"]["key"])


def contents(recording: Recording, secret: str, key: str) -> str:
    return str(recording.one("Secret", secret).plain("stringData", key))


def setting(recording: Recording, name: str) -> str:
    lines = recording.one("ConfigMap", "postgres-pooler").inputs["data"]["pgbouncer.ini"].splitlines()
    [value] = [line.partition(" = ")[2] for line in lines if line.startswith(f"{name} = ")]
    return str(value)


def test_the_web_pods_alone_connect_through_it(pooled: Recording) -> None:
    assert "@postgres-pooler:5432/" in contents(pooled, "postgresql-secret", "client-url")
    assert "@postgres:5432/" in contents(pooled, "postgresql-secret", "owner-url")
    direct = contents(pooled, "postgresql-secret", "direct-url")
    assert direct == contents(pooled, "postgresql-secret", "client-url").replace("@postgres-pooler:", "@postgres:")
    assert key_of(pooled, "open-webui/open-webui") == "client-url"
    for container in ("open-webui/migrate", "open-webui-preflight/preflight"):
        assert key_of(pooled, container) == "owner-url"
    assert pooled.outputs["database_url"][0].endswith("@postgres:5432/ragsystemdb")
    backup = pooled.containers["postgres-backup/backup"]["env"]
    assert {"name": "PGHOST", "value": "postgres"} in backup


def test_of_an_external_server_as_well(external: Recording) -> None:
    assert external.outputs["database_url"] == (URL, True)
    client = contents(external, "postgresql-secret", "client-url")
    assert client.startswith("postgresql://ragsystemapp_1:")
    assert "@postgres-pooler:5432/ragsystemdb?connect_timeout=5" in client
    assert "sslmode" not in client, "a certificate of PgBouncer is postgresql.tls"
    assert contents(external, "postgresql-secret", "direct-url").startswith(f"{URL}&connect_timeout=5")
    assert key_of(external, "open-webui/open-webui") == "client-url"
    assert key_of(external, "open-webui/migrate") == "direct-url"
    [volume] = [v for v in external.every_pod["postgres-backup"]["volumes"] if "secret" in v]
    assert volume["secret"]["items"] == [{"key": "direct-url", "path": "direct-url"}]


def test_the_login_of_an_external_server_is_in_the_secret_alone(external: Recording) -> None:
    server = contents(external, "postgres-pooler", "server.ini")
    assert server == (
        "server_tls_sslmode = verify-full\n"
        "server_tls_ca_file = /etc/ssl/certs/ca.pem\n"
        "\n[databases]\n"
        "ragsystemdb = host='db.example.com' port='5432' dbname='chats' user='team' password='it''s/50%'\n"
    )
    for resource in external.resources:
        if resource.kind != "Secret":
            assert PASSWORD not in str(resource.inputs), resource.name


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ("", "server_tls_sslmode = prefer\n\n"),
        ("?sslmode=disable", "server_tls_sslmode = disable\n\n"),
        ("?sslmode=require&sslrootcert=/ca.pem", "server_tls_sslmode = verify-ca\nserver_tls_ca_file = /ca.pem\n\n"),
    ],
)
def test_tls_to_an_external_server_is_that_of_libpq(parameters: str, expected: str) -> None:
    assert external_server_ini(f"postgresql://u:p@h/d{parameters}").startswith(expected)


def test_a_rotation_keeps_the_login_of_the_pods_that_serve() -> None:
    for sets, secrets in ((LARGE, {}), (EXTERNAL, {"databaseUrl": URL})):
        second = run("prod", (*sets, "rotate.postgresql=2"), secrets)
        users = contents(second, "postgres-pooler", "userlist.txt")
        assert [line.split('"')[1] for line in users.splitlines()] == ["ragsystemapp_1", "ragsystemapp_2"]
        assert "postgresql://ragsystemapp_2:" in contents(second, "postgresql-secret", "client-url")
        assert users.splitlines()[0] == contents(run("prod", sets, secrets), "postgres-pooler", "userlist.txt").strip()
        assert ("SCRAM-SHA-256$" in users) is not bool(secrets)
        # New users are known before a web pod needs them.
        deployments = [second.one("Deployment", name) for name in ("postgres-pooler", "open-webui")]
        assert deployments[0].urn in second.waits_for(deployments[1])


def test_no_password_is_in_the_list_of_users(pooled: Recording) -> None:
    [password] = [r for r in pooled.resources if r.name == "postgresql-client-password-1"]
    users = contents(pooled, "postgres-pooler", "userlist.txt")
    client = contents(pooled, "postgresql-secret", "client-url")
    plain = unquote(client.partition("ragsystemapp_1:")[2].partition("@")[0])
    assert password.kind == "RandomPassword"
    assert plain not in users
    assert users == f'"ragsystemapp_1" "{scram_verifier("ragsystemapp_1", plain)}"\n'


def peers(recording: Recording, policy: str, side: str) -> set[str]:
    rules = recording.one("NetworkPolicy", policy).inputs["spec"][side]
    ends = [end for rule in rules for end in rule["from" if side == "ingress" else "to"]]
    return {end["podSelector"]["matchLabels"]["app"] for end in ends if "podSelector" in end}


def test_connections_are_allowed_from_the_web_pods_to_it_and_from_it_to_the_server(pooled: Recording) -> None:
    assert peers(pooled, "postgres-pooler", "ingress") >= {"open-webui"}
    assert peers(pooled, "postgres-pooler", "egress") == {"postgres"}
    assert "postgres-pooler" in peers(pooled, "postgres", "ingress")
    assert {"postgres-pooler", "postgres"} <= peers(pooled, "open-webui", "egress")


def test_to_an_external_server_it_has_the_rule_of_the_web_pods(external: Recording) -> None:
    of_web, of_pooler = (
        external.one("NetworkPolicy", name).inputs["spec"]["egress"] for name in ("open-webui", "postgres-pooler")
    )
    assert of_pooler
    assert all(rule in of_web for rule in of_pooler)


def test_the_pod_is_restricted_and_leaves_after_its_clients(pooled: Recording) -> None:
    pod, container = pooled.pods["postgres-pooler"], pooled.containers["postgres-pooler/postgres-pooler"]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert container["securityContext"]["readOnlyRootFilesystem"] is True
    assert container["readinessProbe"]["exec"] != container["livenessProbe"]["exec"]
    recycle = int(variables(pooled, "open-webui/open-webui")["DATABASE_POOL_RECYCLE"]["value"])
    assert variables(pooled, "open-webui/open-webui")["PGVECTOR_POOL_RECYCLE"]["value"] == str(recycle)
    waits = container["lifecycle"]["preStop"]["sleep"]["seconds"]
    assert pod["terminationGracePeriodSeconds"] >= waits + 2 * recycle
    spec = pooled.one("Deployment", "postgres-pooler").inputs["spec"]
    assert spec["strategy"]["rollingUpdate"] == {"maxUnavailable": 0, "maxSurge": 1}
    assert pooled.one("PodDisruptionBudget", "postgres-pooler").inputs["spec"]["maxUnavailable"] == 1


def test_the_operator_may_recycle_connections_sooner() -> None:
    made = run("prod", (*LARGE, "openWebui.env.DATABASE_POOL_RECYCLE=20"))
    assert variables(made, "open-webui/open-webui")["DATABASE_POOL_RECYCLE"]["value"] == "20"


def test_the_quota_has_room_for_the_pods_that_leave(pooled: Recording) -> None:
    without = run("prod", [each for each in LARGE if each not in ON])
    few, hard = (each.one("ResourceQuota", "quota").inputs["spec"]["hard"] for each in (without, pooled))
    assert int(hard["pods"]) - int(few["pods"]) == 4
    limit = quantity(pooled.containers["postgres-pooler/postgres-pooler"]["resources"]["limits"]["memory"])
    assert quantity(hard["limits.memory"]) - quantity(few["limits.memory"]) == 4 * limit


def needed_in(text: str) -> int:
    return int(text.partition("allowed:  at least ")[2].partition(",")[0])


def test_in_session_mode_each_pod_has_room_for_all_clients(pooled: Recording) -> None:
    sets = (*ON, "postgresql.resources.limits.memory=8Gi")
    with pytest.raises(ConfigError, match=r"through 2 pods of PgBouncer in session mode") as error:
        run("prod", (*sets, "postgresql.maxConnections=300"))
    needed = needed_in(str(error.value))
    made = run("prod", (*sets, f"postgresql.maxConnections={needed}"))
    pool = int(setting(made, "default_pool_size"))
    assert 2 * pool + 10 == needed
    assert setting(made, "max_db_connections") == str(pool)
    assert int(setting(made, "max_client_conn")) >= pool
    with pytest.raises(ConfigError, match="maxConnections"):
        run("prod", (*sets, f"postgresql.maxConnections={needed - 1}"))
    connections = variables(pooled, "open-webui-preflight/preflight")["DATABASE_CONNECTIONS"]["value"]
    assert int(connections) == pool


def test_in_transaction_mode_they_share_few() -> None:
    sets = (*ON, "postgresql.pooler.mode=transaction")
    made = run("prod", (*sets, "postgresql.maxConnections=60"))
    # Two pods, and the one more of a rolling update.
    assert setting(made, "default_pool_size") == str((60 - 10) // 3)
    assert int(setting(made, "max_client_conn")) == 2000
    assert variables(made, "open-webui-preflight/preflight")["DATABASE_CONNECTIONS"]["value"] == "48"
    with pytest.raises(ConfigError, match=r"in transaction mode") as error:
        run("prod", (*sets, "postgresql.maxConnections=39"))
    assert needed_in(str(error.value)) == 40
    with pytest.raises(ConfigError, match=r"each pod of PgBouncer has room for 2000"):
        run(
            "prod",
            (*sets, "openWebui.autoscaling.maxReplicas=90", "postgresql.resources.limits.memory=8Gi"),
        )


def test_with_tls_it_serves_the_certificate_of_the_server_and_verifies_it() -> None:
    made = run("prod", (*LARGE, "postgresql.tls.issuer.name=internal"))
    names = made.one("Certificate", "postgresql-certificate").inputs["spec"]["dnsNames"]
    assert {"postgres", "postgres-pooler"} <= set(names)
    assert setting(made, "client_tls_sslmode") == "require"
    client = contents(made, "postgresql-secret", "client-url")
    assert "@postgres-pooler:5432/ragsystemdb?sslmode=verify-full&sslrootcert=/etc/postgresql-ca/ca.crt" in client
    assert contents(made, "postgres-pooler", "server.ini").startswith(
        "server_tls_sslmode = verify-full\nserver_tls_ca_file = /etc/postgresql-ca/ca.crt\n"
    )
    files = {each["name"]: each["value"] for each in made.containers["postgres-pooler/reload"]["env"]}["FILES"]
    assert files == "/etc/pgbouncer-tls/tls.crt /etc/pgbouncer-tls/tls.key /etc/postgresql-ca/ca.crt"
    assert "reload" not in str(run("prod", LARGE).pods["postgres-pooler"])


def test_in_front_of_an_external_server_the_certificate_is_its_own() -> None:
    made = run("prod", (*EXTERNAL, "postgresql.tls.issuer.name=internal"), {"databaseUrl": URL})
    names = made.one("Certificate", "postgresql-certificate").inputs["spec"]["dnsNames"]
    assert "postgres-pooler" in names
    assert "postgres" not in names
    client = contents(made, "postgresql-secret", "client-url")
    assert "?sslmode=verify-full&sslrootcert=/etc/pooler-ca/ca.crt" in client
    [volume] = [v for v in made.pods["open-webui"]["volumes"] if v["name"] == "pooler-ca"]
    assert volume["secret"]["secretName"] == "postgresql-tls"


def refusal(values: Mapping[str, object], url: str | None = None, **more: object) -> str:
    config = {f"{PROJECT}:kubeContext": "test", f"{PROJECT}:postgresql": json.dumps(values)}
    config |= {f"{PROJECT}:{key}": json.dumps(value) for key, value in more.items()}
    secret = {f"{PROJECT}:databaseUrl": url} if url else {}
    try:
        parse(accepted({**config, **secret}), secret.keys())
    except ConfigError as error:
        return str(error)
    return ""


@pytest.mark.parametrize("mode", ["session", "transaction"])
@pytest.mark.parametrize("tag", ["1.18.0", "1.20.1", "1.22.1-debian"])
def test_a_release_that_ends_statements_or_loses_them_is_refused(mode: str, tag: str) -> None:
    pooler = {"enabled": True, "mode": mode, "image": f"registry.example.com/pgbouncer:{tag}"}
    text = refusal({"pooler": pooler})
    assert "postgresql.pooler.image" in text
    assert "PgBouncer 1.23 or newer" in text


@pytest.mark.parametrize("image", ["registry.example.com/pgbouncer:stable", "pgbouncer@sha256:" + 64 * "0"])
def test_a_release_that_the_tag_does_not_name_is_accepted_in_session_mode_alone(image: str) -> None:
    assert refusal({"pooler": {"enabled": True, "image": image}}) == ""
    assert "its tag does not name the version" in refusal(
        {"pooler": {"enabled": True, "mode": "transaction", "image": image}}
    )


SERVER = {"topology": "external", "external": {"hosts": "db.example.com"}, "pooler": {"enabled": True}}


@pytest.mark.parametrize(
    ("parameters", "error"),
    [
        ("?options=-c%20statement_timeout%3D30s", "a parameter that PgBouncer does not know"),
        ("?channel_binding=require", "a parameter that PgBouncer does not know"),
        ("?sslmode=verify-full", "no authority is named"),
    ],
)
def test_what_pgbouncer_cannot_do_for_a_url_is_refused(parameters: str, error: str) -> None:
    text = refusal(SERVER, f"postgresql://u:{PASSWORD.replace('/', '')}@db.example.com/chats{parameters}")
    assert error in text
    assert PASSWORD.replace("/", "") not in text


def test_handovers_of_the_schema_through_the_pooler_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"openWebui\.schemaUpgrade handover with postgresql\.pooler\.enabled"):
        run("dev", [*ON, "openWebui.schemaUpgrade=handover"])


def test_a_url_that_the_stack_does_not_see_is_refused() -> None:
    text = refusal(SERVER, existingSecrets={"databaseUrl": {"name": "database", "key": "url"}})
    assert "postgresql.pooler.enabled with existingSecrets.databaseUrl" in text
    assert "pulumi config set --secret databaseUrl" in text


def test_an_image_of_pgbouncer_with_the_operator_is_refused() -> None:
    values = {
        "topology": "cloudnative-pg",
        "resources": {"limits": {"memory": "3Gi"}},
        "pooler": {"enabled": True, "image": "registry.example.com/pgbouncer:1.26.0"},
    }
    assert "the operator has an image of its own" in refusal(values)


def test_transaction_mode_is_that_of_the_operator_too() -> None:
    sets = ("postgresql.topology=cloudnative-pg", *ON, "postgresql.pooler.mode=transaction")
    made = run("prod", (*sets, "postgresql.resources.limits.memory=3Gi"))
    spec = made.one("Pooler", "postgres-pooler").inputs["spec"]["pgbouncer"]
    assert spec["poolMode"] == "transaction"
    assert spec["parameters"]["max_prepared_statements"] == "200"
    assert key_of(made, "open-webui/migrate") == "owner-url"
