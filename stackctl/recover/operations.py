"""Listing, recovering, the drill and going back: the steps and their messages."""

import json
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from time import monotonic, sleep
from typing import Any

from components.postgresql import names as postgresql
from components.postgresql.archive.names import CONTAINER as ARCHIVE
from host.signals import announced_stop
from host.waiting import attempts
from terminal.console import step
from terminal.errors import LocalError, UsageError
from terminal.invocation import option

from ..deployed.database import POD, query
from ..deployed.kubectl import KubectlError
from ..deployed.stack import Stack, is_ready
from ..deployed.target import find_stack
from ..deployed.web_pods import stopped
from ..options import Target
from .pod import pod_manifest, run_pod

_ARCHIVED_SECONDS = 90
_READY_SECONDS = 700
_USUAL_SECONDS = 120
_TABLE = "stackctl_drill"


@dataclass(frozen=True, kw_only=True)
class Request:
    """The request of the operator."""

    to: str
    archive: str
    drill: bool
    back: bool
    discard: bool
    confirmed: bool


def recover(target: Target, request: Request) -> None:
    """Perform the request.

    Raises:
        UsageError: the time cannot be reached (the message lists the times that can), or the request is not confirmed.
        LocalError: it failed; the message contains the reason, and the previous data are kept.
    """
    with announced_stop("removing the pod of the recovery and starting the server"):
        stack = find_stack(target)
        template = _template(stack)
        if request.back or request.discard:
            _kept(stack, template, request)
        elif request.drill:
            _drill(stack, template, request)
        elif request.to:
            _replace(stack, template, request)
        else:
            _list(stack)


def _template(stack: Stack) -> dict[str, Any]:
    answer = stack.kubectl.get("statefulsets", "-l", f"app={postgresql.APP}")["items"]
    if not answer and stack.is_operated():
        raise UsageError(
            "CloudNativePG runs the database, and recovers into a new cluster: deploy another stack with "
            "postgresql.cloudnativePg.recovery (docs/operations/point-in-time-recovery.md, CloudNativePG)"
        )
    containers = [each for item in answer for each in item["spec"]["template"]["spec"].get("initContainers", ())]
    if not any(each["name"] == ARCHIVE for each in containers):
        raise UsageError(
            "the database has no archive. Turn it on: pulumi config set --path postgresql.archive.enabled true"
        )
    if stack.is_simulated():
        raise LocalError("pods are simulated here: no container runs, so there is no archive")
    template: dict[str, Any] = answer[0]["spec"]["template"]
    return template


def _catalogue(stack: Stack, to: str = "", archive: str = "") -> dict[str, Any]:
    arguments = [each for each in (to, archive) if each]
    command = ("exec", POD, "-c", ARCHIVE, "--", "python3", "-m", "archive.catalogue", *arguments)
    answer: dict[str, Any] = json.loads(stack.kubectl.run(*command, seconds=300))
    return answer


def _archive_now(stack: Stack) -> None:
    """Wait until the bucket contains everything that is committed now."""
    # Without a record there would be no segment to switch.
    query(stack, "SELECT pg_create_restore_point('stackctl');")
    [segment] = query(stack, "SELECT pg_walfile_name(pg_switch_wal());")
    for _ in attempts(seconds=_ARCHIVED_SECONDS, every=1):
        if query(stack, f"SELECT last_archived_wal >= '{segment}' FROM pg_stat_archiver;") == ["t"]:
            return
    raise LocalError(f"the segment {segment} is not in the bucket after {_ARCHIVED_SECONDS} s: the archive fails")


def _list(stack: Stack) -> None:
    for each in _catalogue(stack)["archives"]:
        own = "this database" if each["own"] else "another database"
        print(f"archive {each['archive']} ({own}): {each['first'] or 'no base backup'} to {each['last'] or '-'}")
        for backup in each["backups"]:
            print(f"  base backup {backup['id']}, ended {backup['ended']}")
        for number, since in each["timelines"].items():
            print(f"  timeline {number} since {since}")


def _plan(stack: Stack, to: str, archive: str) -> dict[str, Any]:
    with step("read the archive", 10):
        plan: dict[str, Any] = _catalogue(stack, to, archive)["plan"]
    if "refused" in plan:
        raise UsageError(f"{plan['refused']}. Nothing was changed.")
    return plan


def _replace(stack: Stack, template: dict[str, Any], request: Request) -> None:
    if not request.archive:
        with step("archive what is committed now", 10):
            _archive_now(stack)
    plan = _plan(stack, request.to, request.archive)
    if not request.confirmed:
        raise UsageError(
            f"This would stop every web pod of {stack.kubectl.namespace} and the database, and bring the database to\n"
            f"  {plan['target']}: base backup {plan['backup']} and {plan['segments']} segments of the log\n"
            f"The present data stay on the volume, for {option('back')}. Nothing was changed. To recover: add "
            f"{option('yes')}"
        )
    arguments = ["replace", plan["backup"], plan["timeline"], plan["target"]]
    _with_server_stopped(
        stack, pod_manifest(template, arguments, plan["archive"], None), f"recover to {plan['target']}"
    )
    print(f"To go back to the data before: {option('back')}. When all is well: {option('discard')}.")


def _kept(stack: Stack, template: dict[str, Any], request: Request) -> None:
    action = "back" if request.back else "discard"
    effect = "exchange the data with those before the last recovery" if request.back else "delete the data of before"
    if not request.confirmed:
        raise UsageError(
            f"This would stop every web pod and the database, and {effect}. Nothing was changed. Add {option('yes')}"
        )
    archive = str(_catalogue(stack)["own"])
    _with_server_stopped(stack, pod_manifest(template, [action], archive, None), effect)


def _with_server_stopped(stack: Stack, manifest: dict[str, Any], what: str) -> None:
    started = monotonic()
    with stopped(stack) as replicas, _server_stopped(stack), step(what, _USUAL_SECONDS) as progress:
        lines = run_pod(stack, manifest, progress)
    print("\n".join(lines))
    print(f"The database and {replicas} web pods are ready again, after {monotonic() - started:.0f} s.")


@contextmanager
def _server_stopped(stack: Stack) -> Iterator[None]:
    """Stop the server while the body runs. Afterwards start it and wait until it is ready, also on failure."""
    kubectl = stack.kubectl
    try:
        with step("stop the database", 20):
            kubectl.run("scale", "statefulset", postgresql.APP, "--replicas=0")
            kubectl.run("wait", f"pod/{POD}", "--for=delete", "--timeout=180s", seconds=200)
        yield
    finally:
        with step("start the database", 30):
            kubectl.run("scale", "statefulset", postgresql.APP, "--replicas=1")
            for _ in attempts(seconds=_READY_SECONDS, every=1):
                if any(is_ready(pod) for pod in stack.pods(postgresql.APP)):
                    break
            else:
                raise LocalError(f"the database is not ready after {_READY_SECONDS} s")


def _drill(stack: Stack, template: dict[str, Any], request: Request) -> None:
    """Recover to a time between two marks, and check that only the first mark exists."""
    mark = secrets.token_hex(4)
    started = monotonic()
    to = request.to
    try:
        if not to:
            with step("write a mark before and after a second", 10):
                to = _write_marks(stack, mark)
                _archive_now(stack)
        plan = _plan(stack, to, request.archive)
        claim = stack.kubectl.get("pvc", postgresql.VOLUME_CLAIM)["spec"]
        scratch = {name: claim[name] for name in ("accessModes", "resources", "storageClassName") if name in claim}
        arguments = ["drill", plan["backup"], plan["timeline"], plan["target"]]
        manifest = pod_manifest(template, arguments, plan["archive"], scratch)
        [server] = manifest["spec"]["containers"]
        probe = f"SELECT 'recover: Mark: ' || mark FROM {_TABLE} WHERE mark LIKE '%{mark}'"
        if not request.to:
            server["env"].append({"name": "PROBE", "value": probe})
        with step(f"recover to {plan['target']} beside the server", _USUAL_SECONDS) as progress:
            lines = run_pod(stack, manifest, progress)
    finally:
        if not request.to:
            _forget_marks(stack)
    print("\n".join(lines))
    if not request.to:
        marks = [line for line in lines if line.startswith("Mark: ")]
        if marks != [f"Mark: before-{mark}"]:
            raise LocalError(f"the drill failed: of the marks before and after {to} the recovered database has {marks}")
        print(f"The row of before {to} is there, and the row of after it is not.")
    print(f"{plan['segments']} segments, {monotonic() - started:.0f} s. The server was not touched.")


def _write_marks(stack: Stack, mark: str) -> str:
    query(stack, f"CREATE TABLE IF NOT EXISTS {_TABLE} (mark text); INSERT INTO {_TABLE} VALUES ('before-{mark}');")
    sleep(1)
    [to] = query(stack, """SELECT to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"');""")
    sleep(1)
    query(stack, f"INSERT INTO {_TABLE} VALUES ('after-{mark}');")
    return to


def _forget_marks(stack: Stack) -> None:
    try:
        query(stack, f"DROP TABLE IF EXISTS {_TABLE};")
    except KubectlError as error:
        raise LocalError(f"the table {_TABLE} in the database postgres could not be dropped: {error}") from error
