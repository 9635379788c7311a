"""PostgreSQL with an archive, backups in a bucket and TLS: what each change touches, and that it replaces nothing."""

from collections.abc import Iterator
from typing import Any

import pytest
from kubernetes import client

from components.blocks.custom_kinds import CERTIFICATE
from devcluster.clusters.choice import Cluster
from host.waiting import attempts
from tests.support.engine.definitions import defined
from tests.support.engine.secrets import secret_values, seen_in
from tests.support.engine.stack import PREFLIGHT_AGAIN, Namespace, Stack, StackFactory

pytest_plugins = ("tests.support.engine.stack_fixtures",)

NAMESPACE = "stored"
SECRETS = {
    "archiveS3AccessKeyId": "AKIA/of+the=archive",
    "archiveS3SecretAccessKey": "secret/of+the=archive",
    "backupS3AccessKeyId": "AKIA/of+the=backups",
    "backupS3SecretAccessKey": "secret/of+the=backups",
}
ARCHIVE = ("postgresql.archive.enabled=true", "postgresql.archive.s3.bucket=log")
BACKUPS = ("backup.enabled=true", "backup.s3.bucket=dumps")
SERVER, JOBS = "update StatefulSet postgres", "update CronJob postgres-backup"
POLICIES = {f"update NetworkPolicy {name}" for name in ("postgres", "postgres-recovery")}
WEB = {"update Deployment open-webui", *PREFLIGHT_AGAIN}
"""The clients of the database: they connect in another way."""


@pytest.fixture(scope="module")
def stack(new_stack: StackFactory) -> Iterator[Stack]:
    """The stack of dev with both buckets."""
    made = new_stack("dev", f"namespace={NAMESPACE}", *ARCHIVE, *BACKUPS, secrets=SECRETS)
    made.up()
    yield made
    made.destroy()
    Namespace(made.cluster, NAMESPACE).wait_until_gone()


@pytest.fixture
def live(stack: Stack) -> Iterator[Namespace]:
    """Its namespace. What the commands have shown is searched for secrets afterwards."""
    live = Namespace(stack.cluster, NAMESPACE)
    secrets, start = secret_values(live), len(stack.transcript)
    yield live
    assert seen_in("\n".join(stack.transcript[start:]), secrets | secret_values(live)) == []


def test_the_api_server_takes_the_sidecar_the_credentials_and_the_rules(stack: Stack, live: Namespace) -> None:
    [pod] = live.pods("postgres")
    sidecar = pod.spec.init_containers[-1]
    assert (sidecar.name, sidecar.restart_policy) == ("archive", "Always")
    contents = live.secrets()
    assert contents["postgres-archive"] == {
        "access-key-id": SECRETS["archiveS3AccessKeyId"],
        "secret-access-key": SECRETS["archiveS3SecretAccessKey"],
    }
    assert contents["postgres-backup-bucket"] == {
        "access-key-id": SECRETS["backupS3AccessKeyId"],
        "secret-access-key": SECRETS["backupS3SecretAccessKey"],
    }
    assert stack.preview().changes == set()


def test_the_job_of_a_backup_is_admitted(live: Namespace) -> None:
    api = client.BatchV1Api(live.core.api_client)
    [cron] = api.list_namespaced_cron_job(live.name).items
    job = client.V1Job(metadata={"name": "backup-now"}, spec=cron.spec.job_template.spec)
    api.create_namespaced_job(live.name, job)
    try:
        jobs: Iterator[Any] = (
            api.read_namespaced_job("backup-now", live.name) for _ in attempts(seconds=60, every=0.5)
        )
        statuses = (each.status for each in jobs)
        assert any(each.active or each.succeeded for each in statuses), "the controller has created no pod"
        assert live.refusals() == [], "Pod Security or the quota refuses the pod of a backup"
    finally:
        api.delete_namespaced_job("backup-now", live.name, propagation_policy="Foreground")


@pytest.mark.parametrize(
    ("sets", "changes"),
    [
        (("postgresql.archive.retentionDays=30",), {SERVER}),
        (("postgresql.archive.s3.prefix=prod",), {SERVER}),
        (("postgresql.archive.s3.endpointUrl=https://s3.example.com:9443",), {SERVER, *POLICIES}),
        (("postgresql.archive.timeoutSeconds=60",), {SERVER, "update ConfigMap postgres-conf"}),
        (("postgresql.archive.s3.egress[0]=10.20.0.0/16:443",), POLICIES),
        (("backup.s3.keep=5",), {JOBS}),
        (("backup.s3.prefix=prod",), {JOBS}),
        (("backup.s3.egress[0]=10.20.0.0/16:443",), {"update NetworkPolicy postgres-backup"}),
    ],
)
@pytest.mark.usefixtures("live")
def test_a_change_touches_what_has_the_key_and_replaces_nothing(
    stack: Stack, sets: tuple[str, ...], changes: set[str]
) -> None:
    assert stack.preview(*sets).changes == changes


def test_rotated_credentials_restart_nothing(stack: Stack, live: Namespace) -> None:
    revisions, pods = live.revisions(), {pod.metadata.uid for pod in live.pods()}
    for key in ("archiveS3SecretAccessKey", "backupS3SecretAccessKey"):
        stack.pulumi("config", "set", "--secret", key, stdin=f"{SECRETS[key]}-rotated")
    assert stack.up().changes == {"update Secret postgres-archive", "update Secret postgres-backup-bucket"}
    assert live.secret("postgres-archive")["secret-access-key"].endswith("-rotated")
    assert (live.revisions(), {pod.metadata.uid for pod in live.pods()}) == (revisions, pods)


def test_an_archive_is_turned_off_and_on_again_on_the_same_volume(stack: Stack, live: Namespace) -> None:
    identities, keys = live.identities(), [each for each in SECRETS if each.startswith("archive")]
    objects = {"ConfigMap postgres-archive", "Secret postgres-archive", "NetworkPolicy postgres-recovery"}
    updated = {
        f"update {each}"
        for each in ("StatefulSet postgres", "ConfigMap postgres-conf", "NetworkPolicy postgres", "ResourceQuota quota")
    }
    for key in keys:
        stack.pulumi("config", "rm", key)
    stack.sets = [each for each in stack.sets if each not in ARCHIVE]
    assert stack.up().changes == {*(f"delete {each}" for each in objects), *updated}
    for key in keys:
        stack.pulumi("config", "set", "--secret", key, stdin=SECRETS[key])
    assert stack.keep(*ARCHIVE).changes == {*(f"create {each}" for each in objects), *updated}
    kept = {item: uid for item, uid in live.identities().items() if item.removeprefix("/") not in objects}
    assert kept.items() <= identities.items()


def test_tls_by_an_existing_secret_reaches_the_server_and_its_clients(stack: Stack, live: Namespace) -> None:
    identities = live.identities()
    tls = "postgresql.tls.secretName=db-tls"
    names = ("tls.crt", "tls.key", "ca.crt")
    refused = stack.preview(tls, fails=True)
    assert f"postgresql.tls.secretName: there is no Secret db-tls in namespace {live.name}" in refused.error
    live.core.create_namespaced_secret(
        live.name, {"metadata": {"name": "db-tls"}, "stringData": dict.fromkeys(names, "of the operator")}
    )
    changes = {
        *(
            SERVER,
            JOBS,
            "update ConfigMap postgres-conf",
            "update Secret postgresql-secret",
            "update ResourceQuota quota",
        ),
        *WEB,
    }
    assert stack.preview(tls).changes == changes
    assert stack.up(tls).changes == changes
    assert live.secret("postgresql-secret")["client-url"].count("sslmode=verify-full") == 1
    assert kept_of(identities, live).items() <= identities.items()
    assert stack.up().changes == changes
    live.core.delete_namespaced_secret("db-tls", live.name)


def test_tls_by_cert_manager_adds_a_certificate(stack: Stack, live: Namespace, cluster: Cluster) -> None:
    identities = live.identities()
    issuer = "postgresql.tls.issuer.name=ca"
    assert "does not serve Certificate (cert-manager.io/v1)" in stack.preview(issuer, fails=True).error
    with defined(cluster, (CERTIFICATE,)):
        made = stack.up(issuer)
        assert {"create Certificate postgresql-certificate", SERVER, JOBS} <= made.changes
        certificates = live.dynamic.resources.get(api_version=CERTIFICATE.api_version, kind=CERTIFICATE.kind)
        [certificate] = certificates.get(namespace=live.name).items
        spec = certificate.spec
        assert (spec.secretName, "postgres" in spec.dnsNames) == ("postgresql-tls", True)
        assert kept_of(identities, live).items() <= identities.items()
        assert "delete Certificate postgresql-certificate" in stack.up().changes


def kept_of(identities: dict[str, str], live: Namespace) -> dict[str, str]:
    """The identities of objects of before: an object that was replaced has another one. Jobs run again."""
    return {item: uid for item, uid in live.identities().items() if item in identities and not item.startswith("Job ")}
