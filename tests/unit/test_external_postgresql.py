"""An external PostgreSQL: nothing is deployed for it, and URLs that cannot work are refused without being quoted."""

import json
from collections.abc import Mapping
from configparser import ConfigParser
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from components.open_webui.settings import CONNECTIONS_PER_POD
from components.open_webui.startup_scripts import startup_scripts
from components.postgresql.topologies.external_url import PARAMETERS
from components.postgresql.urls import CLIENT_PARAMETERS
from stack_config.load import PROJECT, ConfigError, parse
from tests.support.unit.recording import Recording, run
from tests.support.unit.uploads_in_pods import accepted

PASSWORD = "Hidden-Part"
HOST = {"hosts": "db.example.com"}
ADDRESSES = {"hosts": "10.0.0.1,10.0.0.2", "port": 6432}
URL = f"postgresql://owner:{PASSWORD}@10.9.8.7:5432/chats"
CLIENTS = ("open-webui/migrate", "open-webui/open-webui", "open-webui-preflight/preflight")
EXTERNAL = run(
    "prod",
    ["postgresql.topology=external", "postgresql.external.hosts=10.9.8.7", "backup.enabled=false"],
    {"databaseUrl": URL},
)


def report(external: Mapping[str, object], url: str) -> str:
    """The report about a stack with that external PostgreSQL; empty when there is no problem."""
    values = {
        f"{PROJECT}:kubeContext": "test",
        f"{PROJECT}:postgresql": json.dumps({"topology": "external", "external": external}),
        f"{PROJECT}:databaseUrl": url,
    }
    try:
        parse(accepted(values), {f"{PROJECT}:databaseUrl"})
    except ConfigError as error:
        return str(error)
    return ""


@pytest.mark.parametrize(
    ("external", "url", "error"),
    [
        (HOST, f"mysql://u:{PASSWORD}@db.example.com/chats", "its scheme is not that of PostgreSQL"),
        (HOST, f"postgresql://u:{PASSWORD}@/chats", "it has no host"),
        (HOST, f"postgresql://u:{PASSWORD}@db.example.com:x/chats", "it is not a URL"),
        (HOST, f"postgresql://u:{PASSWORD}@other.example.com/chats", "its host is not in postgresql.external.hosts"),
        (ADDRESSES, f"postgresql://u:{PASSWORD}@10.0.0.3:6432/chats", "its host is not in postgresql.external.hosts"),
        (HOST, f"postgresql://u:{PASSWORD}@db.example.com:6432/chats", "its port is not postgresql.external.port"),
        (ADDRESSES, f"postgresql://u:{PASSWORD}@10.0.0.1/chats", "its port is not postgresql.external.port"),
        (HOST, f"postgresql://:{PASSWORD}@db.example.com/chats", "it has no user"),
        (HOST, f"postgresql://u:{PASSWORD}@db.example.com", "its path is not the name of a database"),
        (HOST, f"postgresql://u:{PASSWORD}@db.example.com/chats?pool_size={PASSWORD}", "a parameter that is not one"),
        (HOST, f"postgresql://u:{PASSWORD}@db.example.com/chats#x", "a fragment"),
        (HOST, f"postgresql://u:{PASSWORD}@db.example.com/chats?sslrootcert=system", "finds no authorities there"),
        (HOST, f"postgresql://u:{PASSWORD}\n@db.example.com/chats", "a line break"),
    ],
)
def test_a_url_that_cannot_work_is_refused_and_no_part_of_it_is_shown(
    external: Mapping[str, object], url: str, error: str
) -> None:
    text = report(external, url)
    assert "databaseUrl: the secret databaseUrl is invalid: " in text
    assert error in text
    assert "pulumi config set --secret databaseUrl" in text
    assert PASSWORD not in text


@pytest.mark.parametrize(
    ("external", "url"),
    [
        (HOST, "postgres://u:p%40ss@DB.example.com/chats?sslmode=require"),
        (HOST, "postgresql://u@db.example.com:5432/chats"),
        (ADDRESSES, "postgresql://u:p@10.0.0.2:6432/chats?target_session_attrs=read-write"),
        (ADDRESSES, "postgresql://u:p@pooler.internal:6432/chats"),
    ],
)
def test_a_url_that_can_work_is_accepted(external: Mapping[str, object], url: str) -> None:
    assert report(external, url) == ""


def test_libpq_knows_every_parameter_that_is_accepted() -> None:
    for name in PARAMETERS:
        assert name in conninfo_to_dict(f"{name}=1")
    with pytest.raises(psycopg.ProgrammingError):
        conninfo_to_dict("pool_size=1")


def test_a_missing_url_is_asked_for_and_an_unused_one_refused() -> None:
    values = {
        f"{PROJECT}:kubeContext": "test",
        f"{PROJECT}:postgresql": json.dumps({"topology": "external", "external": HOST}),
    }
    with pytest.raises(ConfigError, match=r"pulumi config set --secret databaseUrl"):
        parse(accepted(values), ())
    unused = {f"{PROJECT}:kubeContext": "test", f"{PROJECT}:databaseUrl": URL}
    with pytest.raises(ConfigError, match=r"databaseUrl is set, but postgresql\.topology does not need it"):
        parse(accepted(unused), {f"{PROJECT}:databaseUrl"})


def test_nothing_of_an_external_postgresql_is_deployed() -> None:
    assert {(r.kind, r.name) for r in EXTERNAL.objects if "postgres" in r.name} == {("Secret", "postgresql-secret")}
    assert [r.name for r in EXTERNAL.resources if r.kind == "RandomPassword" and "postgresql" in r.name] == []
    assert "postgres" not in EXTERNAL.pods


def test_the_outputs_and_the_password_are_as_with_the_stacks_own_server() -> None:
    own = run("prod", [])
    assert {name: secret for name, (_, secret) in EXTERNAL.outputs.items()} == {
        name: secret for name, (_, secret) in own.outputs.items()
    }
    assert EXTERNAL.outputs["database_url"] == (URL, True)
    for resource in EXTERNAL.resources:
        if resource.kind != "Secret":
            assert PASSWORD not in str(resource.inputs), resource.name


def rules(recording: Recording, policy: str) -> list[dict[str, Any]]:
    egress: list[dict[str, Any]] = recording.one("NetworkPolicy", policy).inputs["spec"]["egress"]
    return egress


def test_the_web_pods_and_the_preflight_can_reach_it() -> None:
    rule = {"to": [{"ipBlock": {"cidr": "10.9.8.7/32"}}], "ports": [{"protocol": "TCP", "port": 5432}]}
    for policy in ("open-webui", "open-webui-preflight"):
        assert rule in rules(EXTERNAL, policy)


def test_the_authority_is_mounted_where_the_url_names_it_in_every_client() -> None:
    recording = run(
        "dev",
        [
            "postgresql.topology=external",
            "postgresql.external.hosts=10.9.8.7",
            "postgresql.external.certificateAuthority=-----BEGIN CERTIFICATE-----",
        ],
        {"databaseUrl": URL},
    )
    url = recording.one("Secret", "postgresql-secret").plain("stringData", "client-url")
    assert conninfo_to_dict(url)["sslrootcert"] == "/etc/postgresql-ca/ca.crt"
    assert conninfo_to_dict(url)["sslmode"] == "verify-full"
    for container in ("open-webui/migrate", "open-webui/open-webui", "open-webui-preflight/preflight"):
        [mount] = [m for m in recording.containers[container]["volumeMounts"] if m["name"] == "postgresql-ca"]
        assert mount["mountPath"] == "/etc/postgresql-ca"


def test_the_url_may_be_in_a_secret_of_another_team() -> None:
    recording = run(
        "dev",
        [
            "postgresql.topology=external",
            "postgresql.external.hosts=10.9.8.7",
            "existingSecrets.databaseUrl.name=chats-app",
            "existingSecrets.databaseUrl.key=uri",
        ],
    )
    assert recording.outputs["database_url"] == (None, False)
    assert not [r for r in recording.objects if r.name == "postgresql-secret"]
    for container in CLIENTS:
        variables = {v["name"]: v for v in recording.containers[container]["env"]}
        assert variables["DATABASE_URL"]["valueFrom"] == {"secretKeyRef": {"name": "chats-app", "key": "uri"}}


def variables_of_libpq(recording: Recording, container: str) -> dict[str, str]:
    variables = recording.containers[container]["env"]
    return {v["name"]: v["value"] for v in variables if v["name"].startswith("PG") and not v["name"].startswith("PGV")}


def test_a_url_that_the_stack_does_not_see_gets_its_time_limits_and_the_authority_from_variables() -> None:
    referenced = [
        "postgresql.topology=external",
        "postgresql.external.hosts=10.9.8.7",
        "existingSecrets.databaseUrl.name=chats-app",
        "existingSecrets.databaseUrl.key=uri",
    ]
    limits = {
        "PGSERVICEFILE": "/etc/open-webui/startup/pg_service.conf",
        "PGSERVICE": "open-webui",
        "PGCONNECT_TIMEOUT": "5",
    }
    verify = {"PGSSLMODE": "verify-full", "PGSSLROOTCERT": "/etc/postgresql-ca/ca.crt"}
    plain = run("dev", referenced)
    authority = "postgresql.external.certificateAuthority=-----BEGIN CERTIFICATE-----"
    verified = run("dev", [*referenced, authority])
    for container in CLIENTS:
        assert variables_of_libpq(plain, container) == limits
        assert variables_of_libpq(verified, container) == {**limits, **verify}
        assert variables_of_libpq(EXTERNAL, container) == {}


def test_the_file_of_the_time_limits_has_those_that_the_stack_adds_to_a_url() -> None:
    service = ConfigParser()
    service.read_string(startup_scripts()["pg_service.conf"])
    assert dict(service["open-webui"]) == {name: str(value) for name, value in CLIENT_PARAMETERS.items()}
    assert str(CLIENT_PARAMETERS["connect_timeout"]) == "5"


def connections(*sets: str) -> int:
    """The connections that the preflight asks the database for."""
    containers = run("dev", sets).containers
    [number] = {
        variable["value"]
        for container in ("open-webui-preflight/preflight",)
        for variable in containers[container]["env"]
        if variable["name"] == "DATABASE_CONNECTIONS"
    }
    return int(number)


def test_the_preflight_asks_for_the_connections_of_all_replicas() -> None:
    two, three = (connections(f"openWebui.replicas={number}", "openWebui.drainSeconds=0") for number in (2, 3))
    # In a rolling update one pod more starts, and each of the old ones may still drain.
    assert (two, three) == (5 * CONNECTIONS_PER_POD, 7 * CONNECTIONS_PER_POD)


def test_only_of_an_external_server_the_scripts_demand_pgvector() -> None:
    """The stack's own server has the extension if its image has it."""
    names = {v["name"] for v in EXTERNAL.containers["open-webui-preflight/preflight"]["env"]}
    own = {v["name"] for v in run("prod", ["backup.enabled=false"]).containers["open-webui-preflight/preflight"]["env"]}
    assert names - own == {"DATABASE_REQUIRES_VECTOR"}


def test_the_pods_do_not_change_with_their_number() -> None:
    two, three = (run("dev", [f"openWebui.replicas={number}"]).pods["open-webui"] for number in (2, 3))
    assert two == three


BACKED_UP = ["postgresql.topology=external", "postgresql.external.hosts=10.9.8.7", "backup.storage.size=20Gi"]


def backups_of(sets: list[str], secrets: dict[str, str] | None = None) -> tuple[dict[str, str], dict[str, Any]]:
    """Variables of the container that dumps, and source of its volume with the secret."""
    recording = run("prod", [*BACKED_UP, *sets], secrets)
    variables = {each["name"]: each["value"] for each in recording.containers["postgres-backup/backup"]["env"]}
    [volume] = [each for each in recording.every_pod["postgres-backup"]["volumes"] if each["name"] == "password"]
    return variables, volume["secret"]


def test_backups_have_the_url_as_a_file_and_nothing_else_of_the_secret() -> None:
    variables, secret = backups_of([], {"databaseUrl": URL})
    assert secret["secretName"] == "postgresql-secret"
    assert secret["items"] == [{"key": "client-url", "path": "client-url"}]
    assert variables["URL_FILE"] == "/run/secrets/postgresql/client-url"
    assert not {"PGHOST", "PGUSER", "PGPASSWORD", "PASSWORD_FILE"} & variables.keys()
    assert PASSWORD not in str(variables)
    # Those of a server of the stack begin in the same way: a change of the topology leaves them in the list.
    own = {v["name"]: v["value"] for v in run("prod", []).containers["postgres-backup/backup"]["env"]}
    assert variables["DUMP_NAMES"] == own["PGDATABASE"]


def test_backups_with_a_url_by_reference_verify_the_certificate() -> None:
    sets = [
        "existingSecrets.databaseUrl.name=team-chat",
        "existingSecrets.databaseUrl.key=uri",
        "postgresql.external.certificateAuthority=-----BEGIN CERTIFICATE-----",
    ]
    variables, secret = backups_of(sets)
    assert (secret["secretName"], secret["items"]) == ("team-chat", [{"key": "uri", "path": "uri"}])
    recording = run("prod", [*BACKED_UP, *sets])
    container = recording.containers["postgres-backup/backup"]
    mounts = {each["name"]: each["mountPath"] for each in container["volumeMounts"]}
    assert variables["PGSSLMODE"] == "verify-full"
    assert variables["PGSSLROOTCERT"] == f"{mounts['postgresql-ca']}/ca.crt"
    assert not [r.name for r in recording.objects if r.kind == "Secret" and r.name == "postgresql-secret"]


def test_backups_can_reach_it_also_by_a_name_of_a_private_network() -> None:
    recording = run("prod", BACKED_UP, {"databaseUrl": URL})
    to_server = {"to": [{"ipBlock": {"cidr": "10.9.8.7/32"}}], "ports": [{"protocol": "TCP", "port": 5432}]}
    assert rules(recording, "postgres-backup") == [to_server]

    sets = [
        "postgresql.topology=external",
        "postgresql.external.hosts=db.corp",
        "backup.storage.size=20Gi",
        "openWebui.egress[0]=10.20.0.0/16:5432",
        "openWebui.egress[1]=10.30.0.0/16:443",
    ]
    private = run("prod", sets, {"databaseUrl": URL.replace("10.9.8.7", "db.corp")})
    cidrs = [str(rule) for rule in rules(private, "postgres-backup")]
    assert any("10.20.0.0/16" in rule for rule in cidrs)
    assert not any("10.30.0.0/16" in rule for rule in cidrs)


def test_the_volume_of_the_backups_needs_a_size() -> None:
    values = {
        f"{PROJECT}:kubeContext": "test",
        f"{PROJECT}:postgresql": json.dumps({"topology": "external", "external": ADDRESSES}),
        f"{PROJECT}:backup": json.dumps({"enabled": True}),
        f"{PROJECT}:databaseUrl": "postgresql://u:p@10.0.0.1:6432/chats",
    }
    with pytest.raises(ConfigError, match=r"pulumi config set --path backup\.storage\.size 20Gi") as refused:
        parse(accepted(values), {f"{PROJECT}:databaseUrl"})
    assert str(refused.value).startswith("The stack's config has 1 problem")
    assert "pg_database_size" in str(refused.value)
    # Smaller than postgresql.storage.size, which has no effect here.
    sized = {**values, f"{PROJECT}:backup": json.dumps({"enabled": True, "storage": {"size": "2Gi"}})}
    parse(accepted(sized), {f"{PROJECT}:databaseUrl"})
