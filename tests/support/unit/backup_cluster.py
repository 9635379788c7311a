"""A cluster with the CronJob of the backups, whose Jobs end at once, and the commands that use it."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from stackctl.backup import operations
from stackctl.deployed import backup_jobs as jobs
from stackctl.deployed import web_pods
from stackctl.deployed.kubectl import KubectlError
from stackctl.deployed.stack import Stack
from tests.support.unit.command_line import CommandLine
from tests.support.unit.recording import Recording
from tests.support.unit.verify_cluster import FakeCluster, FakeKubectl

NEWEST, OLDER = "ragsystemdb-20260103T023000Z.dump", "ragsystemdb-20260101T023000Z.dump"
SAFETY = "ragsystemdb-20260104T120000Z-before-restore.dump"
LIST = f"""\
backup: dump {SAFETY}: 300 bytes, 12 tables with 40 rows
backup: dump {NEWEST}: 2097152 bytes, 12 tables with 345 rows
backup: dump {OLDER}: 100 bytes
backup: volume: 900 MiB free of 1000 MiB
"""


@dataclass
class BackupCluster(FakeCluster):
    """A cluster whose Jobs end at once."""

    cron_job: dict[str, Any] | None = None
    ends: str | None = "Complete"
    """Condition of the Jobs; None while they run."""

    printed: dict[str, str] = field(default_factory=lambda: {"list": LIST})
    """What the Jobs print, by what they do."""

    jobs: list[dict[str, Any]] = field(default_factory=list)
    """Every Job that was created."""

    present: set[str] = field(default_factory=set)
    replicas_at_restore: int | None = None
    pod_phase: str | None = "Running"
    secrets: dict[str, dict[str, str]] = field(default_factory=dict)
    """Secrets that exist now, by name."""

    created_secrets: list[dict[str, Any]] = field(default_factory=list)
    init_states: list[dict[str, Any]] = field(default_factory=list)
    """`state` of each init container."""

    def run(self, words: tuple[str, ...], stdin: str) -> str:
        if words[:2] == ("get", "cronjob"):
            return ("cronjob.batch" if self.cron_job else "") if "name" in words else json.dumps(self.cron_job)
        if words[:2] == ("get", "job"):
            if "silent" in self.fails:
                raise KubectlError("the connection was refused")
            conditions = [{"type": self.ends, "status": "True"}] if self.ends else []
            return json.dumps({"status": {"conditions": conditions}})
        if words[0] == "get" and words[1:3] == ("pods", "-l") and words[3].startswith("job-name="):
            status: dict[str, Any] = {
                "phase": self.pod_phase,
                "conditions": [{"type": "PodScheduled", "status": "False"}],
                "initContainerStatuses": [{"name": "first", "state": each} for each in self.init_states],
            }
            return json.dumps({"items": [{"status": status}] if self.pod_phase else []})
        if words[:2] == ("get", "events"):
            return json.dumps({"items": [{"message": "exceeded quota: quota"}]})
        if words[0] == "apply":
            job = json.loads(stdin)
            self.jobs.append(job)
            self.present.add(job["metadata"]["name"])
            if "restore" in self._actions(job).values():
                self.replicas_at_restore = self.replicas
        elif words[:2] == ("delete", "job"):
            self.present.discard(words[2])
        elif words[0] == "logs":
            return self.printed.get(self._actions(self.jobs[-1])[words[3]], "")
        elif words[0] == "create":
            secret = json.loads(stdin)
            self.secrets[secret["metadata"]["name"]] = secret["stringData"]
            self.created_secrets.append(secret)
        elif words[:2] == ("delete", "secret"):
            del self.secrets[words[2]]
        else:
            return super().run(words, stdin)
        return ""

    @staticmethod
    def _actions(job: dict[str, Any]) -> dict[str, str]:
        """What each container does: the first argument, after `bucket ` in one that uses the bucket."""
        spec = job["spec"]["template"]["spec"]
        containers = [*spec.get("initContainers", []), *spec["containers"]]
        return {
            each["name"]: ("bucket " if each["name"].startswith("bucket") else "") + str(each.get("args", [""])[0])
            for each in containers
        }


def backup_cluster(recording: Recording, monkeypatch: pytest.MonkeyPatch) -> BackupCluster:
    """A cluster with the CronJob of a recorded stack, which the commands find."""
    for module in (jobs, web_pods):
        monkeypatch.setattr(module, "_POLL_SECONDS", 0)
    inputs = recording.one("CronJob").inputs
    metadata = {"name": inputs["metadata"]["name"], "uid": "u-1"}
    made = BackupCluster(cron_job={"metadata": metadata, "spec": json.loads(json.dumps(inputs["spec"]))})
    stack = Stack(FakeKubectl(program="kubectl", namespace="rag-system", cluster=made))
    monkeypatch.setattr(operations, "find_stack", lambda _: stack)
    return made


Call = Callable[..., tuple[int, str]]


@pytest.fixture
def call(stackctl: CommandLine) -> Call:
    """Function that runs a command; exit code and output."""

    def run(*words: str) -> tuple[int, str]:
        ended = stackctl(*words)
        return ended.code, ended.out + ended.err

    return run


def cluster_stack(cluster: BackupCluster) -> Stack:
    """The stack in the cluster."""
    return Stack(FakeKubectl(program="kubectl", namespace="rag-system", cluster=cluster))
