"""The archive of a cluster of CloudNativePG: what the cluster lacks is one report, and the API server takes it all."""

from collections.abc import Iterator
from typing import Any

import pytest

from devcluster.clusters.choice import Cluster
from tests.support.engine.cloudnative_pg import barman_cloud, cloudnative_pg
from tests.support.engine.stack import Namespace, Stack, StackFactory

pytest_plugins = ("tests.support.engine.stack_fixtures",)

NAMESPACE = "archived"
SETTINGS = (
    f"namespace={NAMESPACE}",
    "redis.maxmemory=64mb",
    "postgresql.topology=cloudnative-pg",
    "postgresql.resources.limits.memory=3Gi",
    "postgresql.archive.enabled=true",
    "postgresql.archive.s3.bucket=backups",
    "postgresql.archive.s3.prefix=chats",
    "postgresql.archive.s3.endpointUrl=https://s3.example.com",
    "postgresql.archive.s3.region=eu-central-1",
    "postgresql.archive.s3.encryption=sse-s3",
    "postgresql.pods.proxy.httpsProxy=http://proxy.example.com:3128",
)
SECRETS = {"archiveS3AccessKeyId": "AKIAARCHIVE", "archiveS3SecretAccessKey": "s3cr3t-of-the-archive"}
RECOVERY = (
    "postgresql.cloudnativePg.archiveName=postgres-2",
    "postgresql.cloudnativePg.recovery.archiveName=postgres",
    "postgresql.cloudnativePg.recovery.targetTime=2026-11-29T12:34:56Z",
)


@pytest.fixture(scope="module")
def stack(new_stack: StackFactory) -> Iterator[Stack]:
    made = new_stack("dev", *SETTINGS, secrets=SECRETS)
    yield made
    made.destroy()


def custom(stack: Stack, kind: str, name: str, group: str = "postgresql.cnpg.io/v1") -> Any:
    resources = Namespace(stack.cluster, NAMESPACE).dynamic.resources
    return resources.get(api_version=group, kind=kind).get(name=name, namespace=NAMESPACE)


def test_one_report_names_the_operator_and_the_plugin_that_are_missing(stack: Stack) -> None:
    run = stack.preview(fails=True)
    for key, missing in (
        ("postgresql.topology", "Cluster (postgresql.cnpg.io/v1), Database (postgresql.cnpg.io/v1); CloudNativePG is"),
        ("postgresql.archive.enabled", "ScheduledBackup (postgresql.cnpg.io/v1); CloudNativePG is"),
        (
            "postgresql.archive.enabled",
            "ObjectStore (barmancloud.cnpg.io/v1); the Barman Cloud plugin of CloudNativePG is",
        ),
    ):
        assert f"\n{key}: the cluster of context {stack.cluster.context} does not serve {missing} not" in run.error
    assert "https://cloudnative-pg.io/plugin-barman-cloud/docs/installation/" in run.error


def test_the_operator_without_the_plugin_is_refused_before_anything_is_registered(
    stack: Stack, cluster: Cluster
) -> None:
    with cloudnative_pg(cluster):
        for command in (stack.preview, stack.up):
            run = command(fails=True)
            assert "The stack's config has 1 problem" in run.error
            assert "does not serve ObjectStore (barmancloud.cnpg.io/v1)" in run.error
            assert run.registered <= {"Stack open-webui-stack-dev"}
        assert not Namespace(stack.cluster, NAMESPACE).exists()


def test_the_api_server_takes_every_field_and_nothing_changes_afterwards(stack: Stack, cluster: Cluster) -> None:
    """Server-side apply refuses a field that is not declared."""
    with cloudnative_pg(cluster), barman_cloud(cluster):
        stack.up()
        store = custom(stack, "ObjectStore", "postgres-archive", "barmancloud.cnpg.io/v1").spec.to_dict()
        assert store["configuration"]["destinationPath"] == "s3://backups/chats"
        assert store["retentionPolicy"] == "7d"
        variables = {each["name"]: each.get("value") for each in store["instanceSidecarConfiguration"]["env"]}
        assert variables["HTTPS_PROXY"] == "http://proxy.example.com:3128"
        assert "$(KUBERNETES_SERVICE_HOST)" in variables["NO_PROXY"]
        assert custom(stack, "ScheduledBackup", "postgres-base-backups").spec.method == "plugin"
        [plugin] = custom(stack, "Cluster", "postgres").spec.plugins
        assert plugin.isWALArchiver
        assert plugin.parameters.barmanObjectName == "postgres-archive"
        live = Namespace(stack.cluster, NAMESPACE)
        assert live.secret("postgres-archive") == {
            "access-key-id": "AKIAARCHIVE",
            "secret-access-key": "s3cr3t-of-the-archive",
        }
        assert stack.preview(refresh=True).changes == set()
        refused = stack.preview(*RECOVERY, fails=True)
        assert "postgresql.cloudnativePg.recovery.archiveName" in refused.error
        assert "the cluster exists" in refused.error
        assert "was not touched" in refused.error
        authority = {"metadata": {"name": "private-ca"}, "stringData": {"ca.crt": "certificates"}}
        live.core.create_namespaced_secret(NAMESPACE, authority)
        trusting = stack.up("postgresql.pods.caBundle.secret=private-ca")
        assert trusting.changes == {"update ObjectStore postgres-archive"}
        store = custom(stack, "ObjectStore", "postgres-archive", "barmancloud.cnpg.io/v1").spec.to_dict()
        assert store["configuration"]["endpointCA"] == {"name": "private-ca", "key": "ca.crt"}
        stack.destroy()


def test_a_new_cluster_is_created_from_an_archive(stack: Stack, cluster: Cluster) -> None:
    with cloudnative_pg(cluster), barman_cloud(cluster):
        stack.up(*RECOVERY)
        spec = custom(stack, "Cluster", "postgres").spec.to_dict()
        assert spec["bootstrap"]["recovery"]["source"] == spec["externalClusters"][0]["name"]
        assert spec["bootstrap"]["recovery"]["recoveryTarget"]["targetTime"] == "2026-11-29T12:34:56Z"
        assert stack.preview(*RECOVERY, refresh=True).changes == set()
        assert stack.preview(refresh=True, fails=False).changes >= {"update Cluster postgres"}
        stack.destroy()
