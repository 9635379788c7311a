"""Jobs from the template of the backups' CronJob, with other arguments."""

import copy
import json
import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from time import monotonic, sleep
from typing import Any

from components.backup.names import APP as CRON_JOB
from components.backup.names import BUCKET_CONTAINER, CAPTURE_CONTAINER, DUMP_CONTAINER, RECORD_CONTAINER
from components.postgresql.backup_access import URL_FILE
from terminal.errors import LocalError, UsageError

from .backup_login import restore_as_owner
from .kubectl import KubectlError
from .stack import Stack, why_not_ready

START_SECONDS = 300
# The command prints the log of a manual Job at once. The Job stays, so that the log can be read later.
KEPT_SECONDS = 3600
_POLL_SECONDS = 1
_SILENT_SECONDS = 60
_DELETE_SECONDS = 150
_OWN = (CAPTURE_CONTAINER, DUMP_CONTAINER, BUCKET_CONTAINER, RECORD_CONTAINER)
_IDENTITY_DIRECTORY = "/run/secrets/age"
_IDENTITY = "identity"


@dataclass(frozen=True, kw_only=True)
class Step:
    """A container of the CronJob's template, with other arguments."""

    container: str
    arguments: tuple[str, ...]
    writes_uploads: bool = False
    """Whether it may write to the volume of the uploaded files."""


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


def has_bucket(cron: dict[str, Any]) -> bool:
    """Whether the backups are copied to a bucket."""
    return any(each["name"] == BUCKET_CONTAINER for each in _containers(cron["spec"]["jobTemplate"]["spec"]))


def has_external_database(cron: dict[str, Any]) -> bool:
    """Whether the database is one that the stack did not set up."""
    containers = _containers(cron["spec"]["jobTemplate"]["spec"])
    return any(variable["name"] == URL_FILE for each in containers for variable in each.get("env", ()))


def run_job(
    stack: Stack,
    arguments: list[str],
    *,
    before: Sequence[Step] = (),
    after: Sequence[Step] = (),
    age_identity: str | None = None,
    begin: Callable[[str], None] = lambda _state: None,
) -> Outcome:
    """Run the script of the backups in a new pod, to its end.

    Args:
        stack: with the backups.
        arguments: of the script. ``run`` is a whole backup, with all containers of the template.
        before: containers that run before the script, one after the other.
        after: those that run after it.
        age_identity: private key of age, for the containers that use the bucket. It is in the cluster until the Job
            ends.
        begin: receives the progress.

    Raises:
        LocalError: its pod did not start, or the backups are off.
        KubectlError: the cluster does not answer.
    """
    manifest = job_manifest(cron_job(stack), arguments, before=before, after=after)
    containers = [each["name"] for each in _containers(manifest["spec"]) if each["name"].startswith(_OWN)]
    with _identity_secret(stack, manifest, age_identity), _created(stack, manifest) as name:
        started = answered = monotonic()
        while True:
            try:
                if (succeeded := _ended(stack.kubectl.get("job", name))) is not None:
                    return Outcome(name=name, succeeded=succeeded, lines=_lines(stack, name, containers))
                waiting = _waits_for(stack, name)
                answered = monotonic()
            except KubectlError:
                # A restore continues when the API server does not answer for a moment.
                if monotonic() - answered > _SILENT_SECONDS:
                    raise
                waiting = None
            if waiting and monotonic() - started > START_SECONDS:
                raise LocalError(f"the pod of Job {name} did not start within {START_SECONDS} s: {waiting}")
            last = _lines(stack, name, containers, "--tail=1") or ("",)
            begin(f"waiting for its pod: {waiting}" if waiting else last[-1])
            sleep(_POLL_SECONDS)


def job_manifest(
    cron: dict[str, Any], arguments: list[str], *, before: Sequence[Step] = (), after: Sequence[Step] = ()
) -> dict[str, Any]:
    """A Job like those of `kubectl create job --from`, with other arguments.

    It has one attempt, so the operator sees the reason of a failure.
    """
    template = copy.deepcopy(cron["spec"]["jobTemplate"])
    template["spec"]["backoffLimit"] = 0
    if arguments != ["run"]:
        script = Step(container=DUMP_CONTAINER, arguments=tuple(arguments))
        _set_steps(template["spec"], [*before, script, *after])
    if arguments[0] == "restore":
        restore_as_owner(template["spec"]["template"]["spec"])
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
    """The reason why its pod does not run; None if it runs."""
    pods = stack.kubectl.get("pods", "-l", f"job-name={job}")["items"]
    if not pods:
        events = stack.kubectl.get("events", f"--field-selector=involvedObject.name={job},reason=FailedCreate")["items"]
        return str(events[-1]["message"]) if events else "it is not created yet"
    status = pods[0]["status"]
    # A pod is also pending while its init containers run.
    started = any({"running", "terminated"} & each["state"].keys() for each in status.get("initContainerStatuses", ()))
    return why_not_ready(pods[0]) if status.get("phase") == "Pending" and not started else None


def _containers(job_spec: dict[str, Any]) -> list[dict[str, Any]]:
    pod = job_spec["template"]["spec"]
    return [*pod.get("initContainers", []), *pod["containers"]]


def _set_steps(job_spec: dict[str, Any], steps: Sequence[Step]) -> None:
    """Make the steps the containers of a Job: each one begins when the one before it has succeeded."""
    pod, every = job_spec["template"]["spec"], _containers(job_spec)
    made = [_stepped(each, every, number) for number, each in enumerate(steps, 1)]
    # Init containers that the settings add, and the one that writes the certificate bundle.
    others = [each for each in pod.get("initContainers", []) if each["name"] not in _OWN]
    pod["initContainers"], pod["containers"] = [*others, *made[:-1]], made[-1:]
    if not pod["initContainers"]:
        del pod["initContainers"]


def _stepped(step: Step, every: list[dict[str, Any]], number: int) -> dict[str, Any]:
    container = copy.deepcopy(next(each for each in every if each["name"] == step.container))
    name = step.container if step.container == DUMP_CONTAINER else f"{step.container}-{number}"
    mounts = [
        {name: value for name, value in mount.items() if name != "readOnly" or mount["name"] != "uploads"}
        if step.writes_uploads
        else mount
        for mount in container["volumeMounts"]
    ]
    return {**container, "name": name, "args": list(step.arguments), "volumeMounts": mounts}


@contextmanager
def _identity_secret(stack: Stack, manifest: dict[str, Any], identity: str | None) -> Iterator[None]:
    """Mount a Secret with the key in the containers that use the bucket, while the body runs."""
    if identity is None:
        yield
        return
    name = str(manifest["metadata"]["name"])
    pod = manifest["spec"]["template"]["spec"]
    source = {"secretName": name, "defaultMode": 0o440}
    pod["volumes"] = [*pod["volumes"], {"name": "age-identity", "secret": source}]
    for container in _containers(manifest["spec"]):
        if container["name"].startswith(BUCKET_CONTAINER):
            mount = {"name": "age-identity", "mountPath": _IDENTITY_DIRECTORY, "readOnly": True}
            container["volumeMounts"] = [*container["volumeMounts"], mount]
            variable = {"name": "AGE_IDENTITY_FILE", "value": f"{_IDENTITY_DIRECTORY}/{_IDENTITY}"}
            container["env"] = [*container["env"], variable]
    metadata = {"name": name, "labels": manifest["metadata"]["labels"]}
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": {_IDENTITY: identity}}
    # Not `apply`, which would copy the key into an annotation.
    stack.kubectl.run("create", "-f", "-", stdin=json.dumps(secret))
    try:
        yield
    finally:
        stack.kubectl.run("delete", "secret", name, "--ignore-not-found")


def _lines(stack: Stack, job: str, containers: Sequence[str], *options: str) -> tuple[str, ...]:
    """The logs of the containers, in their order."""
    printed = []
    for container in containers:
        try:
            printed.append(stack.kubectl.run("logs", f"job/{job}", "-c", container, *options))
        except KubectlError:
            # The container has not started, or its pod was evicted.
            break
    return tuple(line for text in printed for line in text.splitlines())
