"""Jobs from the template of the backups' CronJob, with other arguments."""

import copy
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from time import monotonic, sleep
from typing import Any

from components.backup.names import APP as CRON_JOB
from terminal.errors import LocalError, UsageError

from .kubectl import KubectlError
from .stack import Stack, why_not_ready

START_SECONDS = 300
# The log of a manual Job is printed at once; the Job stays for later questions.
KEPT_SECONDS = 3600
_POLL_SECONDS = 1
_SILENT_SECONDS = 60
_DELETE_SECONDS = 150


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """How a Job ended."""

    name: str
    succeeded: bool
    lines: tuple[str, ...]
    """Lines of its log."""

    def check(self) -> "Outcome":
        """This, if it succeeded.

        Raises:
            LocalError: it failed; the message is the end of its log.
        """
        if self.succeeded:
            return self
        raise LocalError("\n".join(self.lines[-10:] or [f"Job {self.name} failed and printed nothing"]))


def cron_job(stack: Stack) -> dict[str, Any]:
    """The CronJob.

    Raises:
        UsageError: there is no CronJob.
        LocalError: its pods are simulated.
    """
    existing = stack.kubectl.run("get", "cronjob", CRON_JOB, "--ignore-not-found", "-o", "name").strip()
    if not existing:
        raise UsageError(
            f"there is no CronJob {CRON_JOB} in the namespace {stack.kubectl.namespace}: backups are off.\n"
            "Turn them on: pulumi config set --path backup.enabled true; pulumi up"
        )
    if stack.is_simulated():
        raise LocalError("pods are simulated here: no container runs, so there is nothing to back up")
    return stack.kubectl.get("cronjob", CRON_JOB)


def run_job(stack: Stack, arguments: list[str], *, begin: Callable[[str], None] = lambda _state: None) -> Outcome:
    """Run the script of the backups in a new pod, to its end.

    Args:
        stack: with the backups.
        arguments: of the script.
        begin: receives the progress.

    Raises:
        LocalError: its pod did not start, or the backups are off.
        KubectlError: the cluster does not answer.
    """
    manifest = job_manifest(cron_job(stack), arguments)
    with _created(stack, manifest) as name:
        started = answered = monotonic()
        while True:
            try:
                if (succeeded := _ended(stack.kubectl.get("job", name))) is not None:
                    return Outcome(name=name, succeeded=succeeded, lines=_lines(stack, name))
                waiting = _waits_for(stack, name)
                answered = monotonic()
            except KubectlError:
                # A restore continues when the API server does not answer for a moment.
                if monotonic() - answered > _SILENT_SECONDS:
                    raise
                waiting = None
            if waiting and monotonic() - started > START_SECONDS:
                raise LocalError(f"the pod of Job {name} did not start within {START_SECONDS} s: {waiting}")
            begin(f"waiting for its pod: {waiting}" if waiting else (_lines(stack, name, "--tail=1") or ("",))[-1])
            sleep(_POLL_SECONDS)


def job_manifest(cron: dict[str, Any], arguments: list[str]) -> dict[str, Any]:
    """A Job like those of `kubectl create job --from`, with other arguments.

    It has one attempt: the operator sees why it failed.
    """
    template = copy.deepcopy(cron["spec"]["jobTemplate"])
    template["spec"]["backoffLimit"] = 0
    (container,) = template["spec"]["template"]["spec"]["containers"]
    container["args"] = arguments
    metadata: dict[str, Any] = {
        "name": f"{CRON_JOB}-{arguments[0]}-{secrets.token_hex(4)}",
        "labels": template["metadata"]["labels"],
        "annotations": {"cronjob.kubernetes.io/instantiate": "manual"},
    }
    metadata["ownerReferences"] = [
        {
            "apiVersion": "batch/v1",
            "kind": "CronJob",
            "name": cron["metadata"]["name"],
            "uid": cron["metadata"]["uid"],
            # A backup belongs to the CronJob's history: it counts as its last success. The other Jobs only go with the
            # CronJob: while one of their pods exists, even a completed one, the PVC cannot be deleted.
            "controller": arguments == ["run"],
        }
    ]
    if arguments != ["run"]:
        template["spec"]["ttlSecondsAfterFinished"] = KEPT_SECONDS
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata, "spec": template["spec"]}


@contextmanager
def _created(stack: Stack, manifest: dict[str, Any]) -> Iterator[str]:
    """Create the Job. When the body fails, delete it with its pod."""
    name = str(manifest["metadata"]["name"])
    try:
        stack.kubectl.apply(manifest)
        yield name
    except BaseException:
        # The script rolls back when it is stopped. Its connections end with its pod.
        stack.kubectl.run(
            "delete", "job", name, "--ignore-not-found", "--cascade=foreground", "--wait", seconds=_DELETE_SECONDS
        )
        raise


def _ended(job: dict[str, Any]) -> bool | None:
    for condition in job.get("status", {}).get("conditions") or ():
        if condition["type"] in ("Complete", "Failed") and condition["status"] == "True":
            return bool(condition["type"] == "Complete")
    return None


def _waits_for(stack: Stack, job: str) -> str | None:
    """Why its pod does not run; None when it runs."""
    pods = stack.kubectl.get("pods", "-l", f"job-name={job}")["items"]
    if not pods:
        events = stack.kubectl.get("events", f"--field-selector=involvedObject.name={job},reason=FailedCreate")["items"]
        return str(events[-1]["message"]) if events else "it is not created yet"
    return why_not_ready(pods[0]) if pods[0]["status"].get("phase") == "Pending" else None


def _lines(stack: Stack, job: str, *options: str) -> tuple[str, ...]:
    try:
        printed = stack.kubectl.run("logs", f"job/{job}", *options)
    except KubectlError:
        # The pod has just started, or was evicted.
        return ()
    return tuple(printed.splitlines())
