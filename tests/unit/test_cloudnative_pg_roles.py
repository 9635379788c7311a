"""The roles of a cluster of CloudNativePG: those of one server, and the same rotation."""

from typing import Any

import pytest

from components.postgresql.names import CLIENT_USERS, LOGIN_SECRETS, NETWORK_USERS
from components.postgresql.scram import scram_verifier
from tests.support.unit.effects_on_cloudnative_pg import ON, POOLED
from tests.support.unit.recording import Recording, run

POOL = ("postgresql.maxConnections=1000", "postgresql.resources.limits.memory=8Gi")


def rotated(number: int) -> Recording:
    return run("prod", (*ON, f"rotate.postgresql={number}"))


@pytest.fixture(scope="module")
def first() -> Recording:
    return rotated(1)


@pytest.fixture(scope="module")
def second() -> Recording:
    return rotated(2)


def spec(recording: Recording) -> Any:
    return recording.one("Cluster", "postgres").inputs["spec"]


def roles(recording: Recording) -> dict[str, Any]:
    return {role["name"]: role for role in spec(recording)["managed"]["roles"]}


def user_of(recording: Recording, key: str) -> str:
    url = recording.one("Secret", "postgresql-secret").plain("stringData", key)
    return str(url.partition("//")[2].partition(":")[0])


def verifiers(recording: Recording) -> dict[str, str]:
    """What the operator sets, by role."""
    named = {(each.kind, each.name) for each in recording.objects}
    return {
        role: recording.one("Secret", secret).plain("stringData", "password")
        for role, secret in LOGIN_SECRETS.items()
        if ("Secret", secret) in named
    }


def test_the_operator_creates_a_role_for_each_task_and_members_after_their_group(first: Recording) -> None:
    assert [*roles(first)] == ["ragsystemapp", "ragsystemuser", "ragsystemapp_1", "ragsystembackup"]
    assert {name: role.get("inRoles", []) for name, role in roles(first).items()} == {
        "ragsystemapp": [],
        "ragsystemuser": ["ragsystemapp", "pg_read_all_stats"],
        "ragsystemapp_1": ["ragsystemapp"],
        "ragsystembackup": ["pg_read_all_data"],
    }
    assert [name for name, role in roles(first).items() if not role["login"]] == ["ragsystemapp"]
    mighty = {"superuser", "createdb", "createrole", "replication", "bypassrls"}
    assert not any(mighty & role.keys() for role in roles(first).values())


def test_each_password_is_a_secret_without_the_password(first: Recording) -> None:
    """The operator checks the name in the Secret, and takes a verifier as it is."""
    secrets = first.one("Secret", "postgresql-secret")
    assert verifiers(first)["ragsystemuser"] == scram_verifier("ragsystemuser", secrets.plain("stringData", "password"))
    for name, role in roles(first).items():
        if name in NETWORK_USERS:
            secret = first.one("Secret", LOGIN_SECRETS[name])
            assert secret.inputs["type"] == "kubernetes.io/basic-auth"
            assert secret.inputs["metadata"]["labels"]["cnpg.io/reload"] == "true"
            assert secret.plain("stringData", "username") == name
            assert secret.plain("stringData", "password").startswith("SCRAM-SHA-256$4096:")
            # That of the owner is named by `bootstrap`, and is not in `managed.roles` as well.
            expected = None if name == "ragsystemuser" else {"name": LOGIN_SECRETS[name]}
            assert role.get("passwordSecret") == expected
            assert secret.urn in first.waits_for(first.one("Cluster", "postgres"))
    assert spec(first)["bootstrap"]["initdb"]["secret"] == {"name": LOGIN_SECRETS["ragsystemuser"]}


def test_the_two_roles_of_the_application_take_turns(first: Recording, second: Recording) -> None:
    third = rotated(3)
    assert [user_of(each, "client-url") for each in (first, second, third)] == [
        CLIENT_USERS[0],
        CLIENT_USERS[1],
        CLIENT_USERS[0],
    ]
    assert {user_of(each, "owner-url") for each in (first, second, third)} == {"ragsystemuser"}
    # The one in use keeps its password; all others get another one.
    one, two, three = verifiers(first), verifiers(second), verifiers(third)
    assert one["ragsystemapp_1"] == two["ragsystemapp_1"] != three["ragsystemapp_1"]
    assert two["ragsystemapp_2"] == three["ragsystemapp_2"]
    assert len({each["ragsystemuser"] for each in (one, two, three)}) == 3
    assert len({each["ragsystembackup"] for each in (one, two, three)}) == 3


def test_only_the_first_rotation_changes_the_cluster(first: Recording, second: Recording) -> None:
    """It adds a role. Neither restarts an instance."""
    added = {name: role for name, role in roles(second).items() if name not in roles(first)}
    assert [*added] == ["ragsystemapp_2"]
    without = {**spec(second), "managed": spec(first)["managed"]}
    assert without == spec(first)
    assert spec(rotated(3)) == spec(second)


def test_over_the_network_only_the_roles_of_the_stack_with_tls(first: Recording) -> None:
    lines = spec(first)["postgresql"]["pg_hba"]
    assert lines[:-1] == [f"hostssl ragsystemdb {role} all scram-sha-256" for role in NETWORK_USERS]
    assert lines[-1] == "host all all all reject"


def test_migrations_go_past_pgbouncer_as_the_owner() -> None:
    pooled = run("prod", (*POOLED, *POOL))
    secret = pooled.one("Secret", "postgresql-secret")
    assert "@postgres:5432/" in secret.plain("stringData", "owner-url")
    assert "@postgres-pooler:5432/" in secret.plain("stringData", "client-url")
    variables = {each["name"]: each for each in pooled.containers["open-webui/migrate"]["env"]}
    assert variables["DATABASE_URL"]["valueFrom"]["secretKeyRef"]["key"] == "owner-url"
    assert variables["MIGRATE_CLIENT_URL"]["valueFrom"]["secretKeyRef"]["key"] == "client-url"
    assert variables["MIGRATE_CLIENT_ROLE"]["value"] == "ragsystemapp"


def test_the_pools_of_all_roles_share_the_connections_of_one_pgbouncer() -> None:
    """During a rotation the application has two roles, and so two pools."""
    pooler = run("prod", (*POOLED, *POOL)).one("Pooler", "postgres-pooler").inputs["spec"]
    parameters = pooler["pgbouncer"]["parameters"]
    assert parameters["max_db_connections"] == parameters["default_pool_size"]
