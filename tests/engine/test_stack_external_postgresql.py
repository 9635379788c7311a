"""A stack with an external PostgreSQL on a real API server, with its backups."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from stackctl.deployed.backup_jobs import job_manifest
from tests.support.engine.secrets import seen_in
from tests.support.engine.stack import Namespace, Stack, StackFactory

pytest_plugins = ("tests.support.engine.stack_fixtures",)

NAMESPACE = "external-database"
PASSWORD = "of-the/other+team"
URL = f"postgresql://team_chat:{PASSWORD.replace('/', '%2F')}@10.20.0.7:5432/chats"
SETTINGS = (
    f"namespace={NAMESPACE}",
    "redis.maxmemory=64mb",
    "postgresql.topology=external",
    "postgresql.external.hosts=10.20.0.7",
    "backup.enabled=true",
    "backup.storage.size=2Gi",
)


@pytest.fixture(scope="module")
def stack(new_stack: StackFactory) -> Iterator[Stack]:
    made = new_stack("dev", *SETTINGS, secrets={"databaseUrl": URL})
    made.up()
    yield made
    made.destroy()


@pytest.fixture(scope="module")
def live(stack: Stack) -> Namespace:
    return Namespace(stack.cluster, NAMESPACE)


def test_it_deploys_with_backups_and_without_a_server(stack: Stack, live: Namespace) -> None:
    assert live.refusals() == []
    assert not live.pods("postgres")
    assert live.secret("postgresql-secret")["database-url"] == URL
    assert stack.preview(refresh=True).changes == set()


def test_jobs_of_the_backups_are_accepted_and_have_the_url_as_a_file_alone(live: Namespace) -> None:
    batch: Any = live.dynamic.resources.get(api_version="batch/v1", kind="CronJob")
    cron = batch.get(name="postgres-backup", namespace=NAMESPACE).to_dict()
    assert PASSWORD not in json.dumps(cron)
    jobs: Any = live.dynamic.resources.get(api_version="batch/v1", kind="Job")
    for arguments in (["run"], ["list"], ["restore", "newest"]):
        manifest = job_manifest(cron, arguments)
        # Pod Security and the quota of the namespace are asked when the pod is created.
        created = jobs.create(body=manifest, namespace=NAMESPACE).to_dict()
        [volume] = [each for each in created["spec"]["template"]["spec"]["volumes"] if "secret" in each]
        assert volume["secret"]["items"] == [{"key": "client-url", "path": "client-url"}]
        jobs.delete(name=created["metadata"]["name"], namespace=NAMESPACE, body={"propagationPolicy": "Background"})


def test_the_password_is_in_the_secret_and_nowhere_else(stack: Stack) -> None:
    run = stack.up("backup.keep=3")
    assert run.changes == {"update CronJob postgres-backup"}
    assert seen_in("\n".join([*run.text, *run.changes]), [PASSWORD, URL]) == []
