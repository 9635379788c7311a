"""An external PostgreSQL: nothing is deployed for it, and URLs that cannot work are refused without being quoted."""

import json
from collections.abc import Mapping
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from components.postgresql.topologies.external_url import PARAMETERS
from stack_config.load import PROJECT, ConfigError, parse
from tests.support.unit.recording import Recording, run
from tests.support.unit.uploads_in_pods import accepted

PASSWORD = "Hidden-Part"
HOST = {"hosts": "db.example.com"}
ADDRESSES = {"hosts": "10.0.0.1,10.0.0.2", "port": 6432}
URL = f"postgresql://owner:{PASSWORD}@10.9.8.7:5432/chats"
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
    waits = recording.containers["open-webui/wait-for-redis"]["volumeMounts"]
    assert "postgresql-ca" not in [mount["name"] for mount in waits]


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
    variables = {v["name"]: v for v in recording.containers["open-webui/migrate"]["env"]}
    assert variables["DATABASE_URL"]["valueFrom"] == {"secretKeyRef": {"name": "chats-app", "key": "uri"}}
