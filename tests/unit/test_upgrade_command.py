"""`make upgrade-database`: what it says, what it refuses, and which config the update gets."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import Any

import pytest

from stack_config.files import ROOT
from stackctl.deployed import backup_jobs as jobs
from stackctl.deployed.stack import Stack
from stackctl.upgrading import operations
from stackctl.upgrading.server import Server
from terminal.errors import LocalError
from tests.support.unit.backup_cluster import BackupCluster
from tests.support.unit.command_line import CommandLine
from tests.support.unit.verify_cluster import FakeKubectl

OLD, NEW = "pgvector/pgvector:pg17", "pgvector/pgvector:pg18"


@dataclass
class DatabaseCluster(BackupCluster):
    """A cluster whose server answers."""

    image: str = OLD
    answer: tuple[str, ...] = ('{"major": 17, "size": 1000}', "5000")
    """What the pod of the server prints: release and size, free space, directories."""

    has_server: bool = True

    def run(self, words: tuple[str, ...], stdin: str) -> str:
        if words[0] == "exec" and words[1] == "postgres-0":
            assert "pg_database_size" in words[-1]
            return "\n".join(self.answer) + "\n"
        return super().run(words, stdin)

    def _workloads(self) -> list[dict[str, Any]]:
        container = {"name": "postgres", "image": self.image}
        server = {
            "metadata": {"labels": {"app": "postgres"}},
            "spec": {"template": {"spec": {"containers": [container]}}},
        }
        return [server] if self.has_server else []


@dataclass
class Updates:
    """Updates of the stack, without an engine."""

    cluster: DatabaseCluster
    config: list[tuple[str, ...]] = field(default_factory=list)
    updated: int = 0
    error: str = ""

    workspace: Any = None

    def up(self, **_options: Any) -> None:
        self.updated += 1
        if self.error:
            raise LocalError(self.error)
        self.cluster.image, self.cluster.answer = NEW, ('{"major": 18, "size": 900}', "4000", "pgdata-17")


@pytest.fixture
def cluster(prod: Any, monkeypatch: pytest.MonkeyPatch) -> DatabaseCluster:
    monkeypatch.setattr(jobs, "_POLL_SECONDS", 0)
    inputs = prod.one("CronJob").inputs
    metadata = {"name": inputs["metadata"]["name"], "uid": "u-1"}
    made = DatabaseCluster(cron_job={"metadata": metadata, "spec": json.loads(json.dumps(inputs["spec"]))})
    made.printed["run"] = "backup: Dumping.\nbackup: Kept as a.dump.\n"
    stack = Stack(FakeKubectl(program="kubectl", namespace="rag-system", cluster=made))
    monkeypatch.setattr(operations, "find_stack", lambda _: stack)
    return made


@pytest.fixture
def updates(cluster: DatabaseCluster, monkeypatch: pytest.MonkeyPatch) -> Updates:
    """What the command does with the engine."""
    made = Updates(cluster)

    @contextmanager
    def engine_run(_operation: str, *, preview: bool) -> Iterator[Any]:
        assert not preview
        yield type("Progress", (), {"on_event": None})

    # Another process on this machine may work on the environment.
    monkeypatch.setattr(operations, "one_command_at_a_time", lambda _: nullcontext())
    monkeypatch.setattr(operations, "deployed_stack", lambda *_, **__: made)
    monkeypatch.setattr(operations, "cluster_in_use", lambda _: None)
    monkeypatch.setattr(operations, "engine_run", engine_run)
    monkeypatch.setattr(operations, "run_pulumi", lambda _, *words: made.config.append(words))
    return made


def test_without_confirmation_it_describes_the_steps_and_does_nothing(
    cluster: DatabaseCluster, updates: Updates, stackctl: CommandLine
) -> None:
    ended = stackctl("upgrade-database", "--image", NEW)
    assert ended.code == 2
    for part in (
        f"upgrade 1000 MiB from PostgreSQL 17 ({OLD}) to {NEW}",
        "needs 2192 MiB; 5000 MiB are free",
        "interrupted",
        "First the database is dumped",
        f"pulumi config set --path postgresql.upgrade.fromImage {OLD}",
        "Nothing was changed",
    ):
        assert part in ended.err, part
    assert (cluster.jobs, updates.config, updates.updated) == ([], [], 0)


def test_it_backs_up_and_updates_with_both_images(
    cluster: DatabaseCluster, updates: Updates, stackctl: CommandLine
) -> None:
    ended = stackctl("upgrade-database", "--image", NEW, "--yes")
    assert ended.code == 0, ended.err
    assert [job["spec"]["template"]["spec"]["containers"][0]["args"] for job in cluster.jobs] == [["run"]]
    assert updates.config == [
        ("config", "set", "--path", "postgresql.image", NEW, "--stack", "dev"),
        ("config", "set", "--path", "postgresql.upgrade.fromImage", OLD, "--stack", "dev"),
        ("config", "rm", "--path", "postgresql.upgrade.undo", "--stack", "dev"),
    ]
    assert updates.updated == 1
    assert f"PostgreSQL 18 serves, with {NEW}. Kept on the volume: pgdata-17" in ended.out
    assert f"pulumi config set --path postgresql.image {NEW}" in ended.out


def test_a_stack_that_pulumi_deployed_gets_the_commands(
    cluster: DatabaseCluster, updates: Updates, stackctl: CommandLine
) -> None:
    ended = stackctl("upgrade-database", "--image", NEW, "--yes", "--context", "production")
    assert ended.code == 0, ended.err
    assert len(cluster.jobs) == 1
    assert ended.out.splitlines()[-1] == "pulumi up"
    assert f"  pulumi config set --path postgresql.upgrade.fromImage {OLD}" in ended.out.splitlines()
    assert (updates.config, updates.updated) == ([], 0)


def test_going_back_names_the_release_that_is_left(
    cluster: DatabaseCluster, updates: Updates, stackctl: CommandLine
) -> None:
    cluster.image, cluster.answer = NEW, ('{"major": 18, "size": 1000}', "10", "pgdata-17")
    described = stackctl("upgrade-database", "--image", OLD, "--undo")
    assert "Rows written since then are not in them" in described.err
    assert updates.updated == 0

    ended = stackctl("upgrade-database", "--image", OLD, "--undo", "--yes")
    assert ended.code == 0, ended.err
    assert updates.config == [
        ("config", "set", "--path", "postgresql.image", OLD, "--stack", "dev"),
        ("config", "rm", "--path", "postgresql.upgrade.fromImage", "--stack", "dev"),
        ("config", "set", "--path", "postgresql.upgrade.undo", "18", "--stack", "dev"),
    ]


@pytest.mark.parametrize(
    ("change", "words", "reason"),
    [
        ({}, ("--image", "postgres:17.5"), "it is not an upgrade"),
        ({}, ("--image", "postgres:16"), "it is not an upgrade"),
        ({"answer": ('{"major": 17, "size": 1000}', "1600")}, ("--image", NEW), "needs 2192 MiB"),
        ({}, ("--image", "pgvector/pgvector:pg16", "--undo"), "there are: none"),
        ({"has_server": False}, ("--image", NEW), "not the stack's own"),
    ],
)
def test_what_cannot_be_done_is_refused_before_the_backup(
    cluster: DatabaseCluster,
    updates: Updates,
    stackctl: CommandLine,
    change: dict[str, Any],
    words: tuple[str, ...],
    reason: str,
) -> None:
    for name, value in change.items():
        setattr(cluster, name, value)
    ended = stackctl("upgrade-database", *words, "--yes")
    assert (ended.code, reason in ended.err) == (2, True), ended.err
    assert (cluster.jobs, updates.config, updates.updated) == ([], [], 0)


def test_simulated_pods_have_nothing_to_upgrade(cluster: DatabaseCluster, stackctl: CommandLine) -> None:
    cluster.node_annotations = {"kwok.x-k8s.io/node": "fake"}
    ended = stackctl("upgrade-database", "--image", NEW, "--yes")
    assert (ended.code, "pods are simulated here" in ended.err) == (1, True)


def test_a_failed_update_says_how_to_go_back(cluster: DatabaseCluster, updates: Updates, stackctl: CommandLine) -> None:
    updates.error = "update failed"
    ended = stackctl("upgrade-database", "--image", NEW, "--yes")
    assert ended.code == 1
    assert "The data of PostgreSQL 17 are kept. To go back to pgvector/pgvector:pg17: " in ended.err
    assert len(cluster.jobs) == 1


def test_the_room_is_that_which_the_pod_asks_for() -> None:
    script = (ROOT / "components/postgresql/files/upgrade.sh").read_text()
    [log] = re.findall(r"^LOG_MEBIBYTES=(\d+)$", script, re.MULTILINE)
    assert "needed=$((2 * size + 3 * LOG_MEBIBYTES))" in script
    assert Server(image="", major=16, mebibytes=500, free=0, kept=()).needed == 2 * 500 + 3 * int(log)
