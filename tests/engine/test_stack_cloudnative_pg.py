"""A cluster of CloudNativePG on the real API server, whose definitions validate every field that the stack sets."""

from collections.abc import Iterator
from typing import Any

import pytest

from components.blocks.custom_kinds import POD_MONITOR, PROMETHEUS_RULE, SERVICE_MONITOR
from devcluster.clusters.choice import Cluster
from tests.support.engine.cloudnative_pg import cloudnative_pg
from tests.support.engine.definitions import defined
from tests.support.engine.stack import PREFLIGHT_AGAIN, Namespace, Stack, StackFactory

pytest_plugins = ("tests.support.engine.stack_fixtures",)

NAMESPACE = "replicated"
SETTINGS = (
    f"namespace={NAMESPACE}",
    "redis.maxmemory=64mb",
    "postgresql.topology=cloudnative-pg",
    "postgresql.resources.limits.memory=3Gi",
    "postgresql.pooler.enabled=true",
    "monitoring.enabled=true",
    "monitoring.operator=true",
    "backup.enabled=true",
)


@pytest.fixture(scope="module")
def stack(new_stack: StackFactory, cluster: Cluster) -> Iterator[Stack]:
    with cloudnative_pg(cluster), defined(cluster, (SERVICE_MONITOR, PROMETHEUS_RULE, POD_MONITOR)):
        made = new_stack("dev", *SETTINGS)
        made.up()
        yield made
        made.destroy()


def cluster_of(stack: Stack) -> Any:
    return custom(stack, "Cluster", "postgres")


def custom(stack: Stack, kind: str, name: str) -> Any:
    resources = Namespace(stack.cluster, NAMESPACE).dynamic.resources
    return resources.get(api_version="postgresql.cnpg.io/v1", kind=kind).get(name=name, namespace=NAMESPACE)


def verifier_of(stack: Stack, secret: str) -> str:
    return Namespace(stack.cluster, NAMESPACE).secret(secret)["password"]


def test_every_object_is_there_and_no_field_was_dropped(stack: Stack) -> None:
    """Server-side apply refuses a field that is not declared; the API server adds its defaults."""
    spec = cluster_of(stack).spec.to_dict()
    assert spec["instances"] == 3
    assert spec["postgresql"]["synchronous"]["failoverQuorum"] is True
    assert spec["bootstrap"]["initdb"]["secret"] == {"name": "postgres-owner"}
    assert spec["managed"]["roles"][-1]["passwordSecret"] == {"name": "postgres-backup-role"}
    assert custom(stack, "Database", "postgres-database").spec.extensions[0].name == "vector"
    assert custom(stack, "Pooler", "postgres-pooler").spec.pgbouncer.poolMode == "session"
    live = Namespace(stack.cluster, NAMESPACE)
    assert live.refusals() == []
    assert not live.pods("postgres"), "the pods are the operator's"


def test_nothing_changes_without_a_change(stack: Stack) -> None:
    assert stack.preview(refresh=True).changes == set()


def test_a_rotation_adds_the_other_role_and_changes_no_pod_of_the_operator(stack: Stack) -> None:
    """The password of the role that serves stays until the next one."""
    owner, serving = verifier_of(stack, "postgres-owner"), verifier_of(stack, "postgres-client-1")
    run = stack.up("rotate.postgresql=2")
    assert run.changes == {
        "create RandomPassword postgresql-password-2",
        "create RandomPassword postgresql-client-password-2",
        "create RandomPassword postgresql-backup-password-2",
        "create Secret postgres-client-2",
        "update Secret postgresql-secret",
        "update Secret postgres-owner",
        "update Secret postgres-backup-role",
        "update Cluster postgres",
        "update Deployment open-webui",
        *PREFLIGHT_AGAIN,
    }
    assert verifier_of(stack, "postgres-owner") != owner
    assert verifier_of(stack, "postgres-client-1") == serving
    roles = [role.name for role in cluster_of(stack).spec.managed.roles]
    assert roles == ["ragsystemapp", "ragsystemuser", "ragsystemapp_1", "ragsystemapp_2", "ragsystembackup"]


def test_the_next_rotation_changes_secrets_and_the_clients_alone(stack: Stack) -> None:
    generation = cluster_of(stack).metadata.generation
    run = stack.up("rotate.postgresql=3")
    assert not {change for change in run.changes if change.endswith((" Cluster postgres", " Secret postgres-client-2"))}
    assert "update Secret postgres-client-1" in run.changes
    assert cluster_of(stack).metadata.generation == generation


def test_a_change_that_the_volumes_cannot_follow_is_refused_in_the_preview(stack: Stack) -> None:
    for change, key in (
        (
            "postgresql.cloudnativePg.image=ghcr.io/cloudnative-pg/postgresql:16.15-standard-trixie",
            "cloudnativePg.image",
        ),
        ("postgresql.storage.size=2Gi", "storage.size"),
    ):
        # The backups follow: an image of the same major version, and a volume that the API server accepts.
        backups = "postgresql.image=pgvector/pgvector:pg16" if "image" in key else "backup.storage.size=20Gi"
        run = stack.preview("rotate.postgresql=3", change, backups, fails=True)
        assert f"postgresql.{key}" in run.error
        assert "the stored data cannot follow this change" in run.error


@pytest.mark.usefixtures("stack")
def test_the_other_topology_is_refused_in_the_preview(new_stack: StackFactory) -> None:
    """Its database would be empty. The cluster serves the kinds as long as `stack` is there."""
    one = new_stack("dev", "namespace=one-server", "redis.maxmemory=64mb")
    one.up()
    run = one.preview(*SETTINGS[1:4], fails=True)
    assert "postgresql.topology" in run.error
    assert "starts with an empty one" in run.error
    one.destroy()
