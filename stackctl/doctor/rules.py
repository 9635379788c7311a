"""The table of rules: each recognizes one row of docs/troubleshooting.md. Pure: a rule looks at evidence alone.

The symptom and the cause are those of the row, word for word; a test compares them, and requires a rule or a reason for
every row.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta

from components.backup.names import APP as BACKUP
from components.open_webui.names import APP as WEB
from components.open_webui.names import PREFLIGHT
from components.postgresql import names as postgresql
from components.redis.names import APP as REDIS

from ..deployed.backup_state import time_of
from ..deployed.stack import is_ready
from ..deployed.web_pods import RECORD
from .evidence import Evidence, Object

PAGE = "docs/troubleshooting.md"
_USUAL = timedelta(minutes=1)
"""Longest time that `migrate` takes when it waits for nothing."""

_PULL = {"ErrImagePull", "ImagePullBackOff", "InvalidImageName"}


@dataclass(frozen=True, kw_only=True)
class Rule:
    """One row of the page that kubectl can recognize."""

    section: str
    """Anchor of the table on the page: ``web-pods``."""

    symptom: str
    cause: str
    observe: Callable[[Evidence], Iterator[str]]
    """The observations, a line for each object. Without one, the symptom does not show."""

    fix: str
    """The command, or the change of the config. ``{kubectl}`` is kubectl with the cluster and the namespace."""


@dataclass(frozen=True, kw_only=True)
class Diagnosis:
    """A rule whose symptom shows."""

    rule: Rule
    observed: tuple[str, ...]


def diagnose(evidence: Evidence) -> list[Diagnosis]:
    """The symptoms that show, in the order of the page."""
    seen = ((rule, tuple(dict.fromkeys(rule.observe(evidence)))) for rule in RULES)
    return [Diagnosis(rule=rule, observed=observed) for rule, observed in seen if observed]


def _in_log(pattern: str, *apps: str) -> Callable[[Evidence], Iterator[str]]:
    """Lines of the logs that match, the last one of each pod."""
    searched = re.compile(pattern)

    def observe(evidence: Evidence) -> Iterator[str]:
        last = {pod: line for pod, line in evidence.lines(*apps) if searched.search(line)}
        yield from (f"{pod}: {line.strip()}" for pod, line in last.items())

    return observe


def _failed(job: Object) -> str | None:
    """Reason of a failed Job; None for any other."""
    for condition in job.get("status", {}).get("conditions") or ():
        if condition["type"] == "Failed" and condition["status"] == "True":
            return str(condition.get("reason", ""))
    return None


def _preflight_refuses(evidence: Evidence) -> Iterator[str]:
    for job in evidence.jobs:
        if job["metadata"]["name"] == PREFLIGHT and _failed(job) not in (None, "DeadlineExceeded"):
            lines = [line for _, line in evidence.lines(PREFLIGHT) if line.startswith("preflight: ")]
            yield f"Job {PREFLIGHT} failed" + (f": {lines[-1].removeprefix('preflight: ')}" if lines else "")


def _preflight_does_not_start(evidence: Evidence) -> Iterator[str]:
    for job in evidence.jobs:
        if job["metadata"]["name"] == PREFLIGHT and _failed(job) == "DeadlineExceeded":
            yield f"Job {PREFLIGHT}: DeadlineExceeded"
    for pod in evidence.of(PREFLIGHT):
        for status in _statuses(pod):
            if (reason := status["state"].get("waiting", {}).get("reason")) in _PULL:
                yield f"{pod['metadata']['name']}: {reason}"


def _stays_in_init(evidence: Evidence) -> Iterator[str]:
    for pod in evidence.of(WEB):
        for status in pod["status"].get("initContainerStatuses", ()):
            started = time_of(status["state"].get("running", {}).get("startedAt"))
            if status["name"] == "migrate" and started and evidence.at - started > _USUAL:
                log = evidence.logs.get(pod["metadata"]["name"], "").splitlines()
                lines = [line.removeprefix("migrate: ") for line in log if line.startswith("migrate: ")]
                yield f"{pod['metadata']['name']}: migrate is running" + (f": {lines[-1]}" if lines else "")


def _database_does_not_answer(evidence: Evidence) -> Iterator[str]:
    if not all(is_ready(pod) for pod in evidence.of(REDIS)):
        return
    for pod in evidence.of(WEB):
        for status in pod["status"].get("containerStatuses", ()):
            # `started`: the startup probe has succeeded, so the pod has served before.
            if status["name"] == WEB and status.get("started") and not status.get("ready"):
                yield f"{pod['metadata']['name']}: running and not ready"


def _restore_was_killed(evidence: Evidence) -> Iterator[str]:
    record = evidence.deployment["metadata"].get("annotations", {}).get(RECORD)
    if record and evidence.deployment["spec"].get("replicas") == 0:
        yield f"Deployment {WEB} has no replicas; its annotation {RECORD} is {record}"


def _quota(evidence: Evidence) -> Iterator[str]:
    for event in evidence.events:
        if "exceeded quota: quota" in event.get("message", ""):
            about = event.get("involvedObject", {})
            yield f"{about.get('kind', '')} {about.get('name', '')}: {event['message']}"


def _volume_is_not_bound(evidence: Evidence) -> Iterator[str]:
    waiting = [pod for pod in evidence.of(postgresql.APP) if pod["status"].get("phase") == "Pending"]
    for volume_claim in evidence.volume_claims:
        name, phase = volume_claim["metadata"]["name"], volume_claim.get("status", {}).get("phase")
        if waiting and name == postgresql.VOLUME_CLAIM and phase != "Bound":
            yield f"{waiting[0]['metadata']['name']} is Pending; PersistentVolumeClaim {name} is {phase}"


def _newest_backup(evidence: Evidence) -> Iterator[str]:
    # Only the newest run: an earlier failure may be fixed.
    for pod in evidence.of(BACKUP)[:1]:
        for line in evidence.logs.get(pod["metadata"]["name"], "").splitlines():
            if "The volume of the backups is full" in line:
                yield f"{pod['metadata']['name']}: {line}"


def _redis_waits(evidence: Evidence) -> Iterator[str]:
    waiting = {pod["metadata"]["name"] for pod in evidence.of(REDIS) if not is_ready(pod)}
    last = {pod: line for pod, line in evidence.lines(REDIS) if pod in waiting and "waiting: " in line}
    yield from (f"{pod}: {line}" for pod, line in last.items())


def _route_is_not_accepted(evidence: Evidence) -> Iterator[str]:
    if "no controller has accepted it" in evidence.exposure:
        yield evidence.exposure


def _statuses(pod: Object) -> Iterator[Object]:
    yield from pod["status"].get("initContainerStatuses", ())
    yield from pod["status"].get("containerStatuses", ())


RULES: tuple[Rule, ...] = (
    Rule(
        section="the-preflight-stops-the-update",
        symptom="`Job open-webui-preflight … failed to initialize`",
        cause="The new pods would not start. The old pods continue to serve.",
        observe=_preflight_refuses,
        fix=f"{{kubectl}} logs job/{PREFLIGHT}",
    ),
    Rule(
        section="the-preflight-stops-the-update",
        symptom="The same with `DeadlineExceeded`, or `ImagePullBackOff` in the error",
        cause="The image could not be pulled, or the pod of the Job not scheduled, within 10 minutes.",
        observe=_preflight_does_not_start,
        fix=f"{{kubectl}} describe pod -l app={PREFLIGHT}",
    ),
    Rule(
        section="the-preflight-stops-the-update",
        symptom="`There is no bucket …`, `The credentials are not allowed to use the bucket …`, "
        "`There is no container …`",
        cause="`openWebui.uploads`, or the permissions of its credentials.",
        observe=_in_log(
            "There is no bucket |The credentials are not allowed to use the bucket |There is no container ",
            PREFLIGHT,
            WEB,
        ),
        fix="correct openWebui.uploads or the permissions (docs/operations/uploads.md), then: pulumi up",
    ),
    Rule(
        section="the-preflight-stops-the-update",
        symptom="`The database is at revision …, which Open WebUI … does not know`",
        cause="An older version on a newer database.",
        observe=_in_log("The database is at revision .*, which Open WebUI .* does not know", PREFLIGHT, WEB),
        fix="pulumi config set --path openWebui.version <that version or a newer one>; pulumi up",
    ),
    Rule(
        section="the-preflight-stops-the-update",
        symptom="`Second factors are stored that MFA_ENCRYPTION_KEY does not decrypt`",
        cause="The database comes from another stack, or the update that introduced the keys also raised "
        "`rotate.openWebui`.",
        observe=_in_log("Second factors are stored that MFA_ENCRYPTION_KEY does not decrypt", PREFLIGHT, WEB),
        fix="pulumi config set --secret MFA_ENCRYPTION_KEY; pulumi up",
    ),
    Rule(
        section="web-pods",
        symptom="Web pods stay in `Init`",
        cause="`migrate` waits for Redis or the database (5 minutes each), or for the migration of another replica.",
        observe=_stays_in_init,
        fix=f"{{kubectl}} logs deployment/{WEB} -c migrate",
    ),
    Rule(
        section="web-pods",
        symptom="A web pod is not ready, and Redis and the network work",
        cause="`/health/db` queries the database.",
        observe=_database_does_not_answer,
        fix=f"{{kubectl}} logs statefulset/{postgresql.APP} -c prepare; "
        f"{{kubectl}} logs statefulset/{postgresql.APP} -c {postgresql.APP}",
    ),
    Rule(
        section="web-pods",
        symptom="No web pods after an interrupted `make restore`",
        cause="The restore stopped them and was killed before it started them again.",
        observe=_restore_was_killed,
        fix=f"{{kubectl}} scale deployment/{WEB} --replicas=<number>",
    ),
    Rule(
        section="web-pods",
        symptom="`exceeded quota: quota` for a pod of your own",
        cause="The quota fits the stack and two small pods.",
        observe=_quota,
        fix="{kubectl} describe resourcequota quota; use smaller requests",
    ),
    Rule(
        section="database-and-backups",
        symptom="`postgres-0` stays `Pending`",
        cause="The PersistentVolumeClaim is not bound.",
        observe=_volume_is_not_bound,
        fix=f"{{kubectl}} describe pvc {postgresql.VOLUME_CLAIM}",
    ),
    Rule(
        section="database-and-backups",
        symptom="`memory required is … MB, maintenance_work_mem is …` or `could not resize shared memory segment` in "
        "the log of PostgreSQL",
        cause="The server still runs with the sizes of an earlier revision.",
        observe=_in_log(
            "memory required is .* MB, maintenance_work_mem is|could not resize shared memory segment", postgresql.APP
        ),
        fix="pulumi up",
    ),
    Rule(
        section="database-and-backups",
        symptom="`The volume of the backups is full` in the log of a backup",
        cause="The volume holds the dumps and the copy of the database.",
        observe=_newest_backup,
        fix="pulumi config set --path backup.storage.size <size>; pulumi up",
    ),
    Rule(
        section="redis",
        symptom="`command not allowed when used memory > 'maxmemory'` in the log",
        cause="Redis is full with `noeviction`.",
        # redis-py takes the error code, OOM, out of the message.
        observe=_in_log("command not allowed when used memory > 'maxmemory'", WEB),
        fix="pulumi config set --path redis.maxmemory <size>; pulumi up",
    ),
    Rule(
        section="redis",
        symptom="A Redis server with Sentinels does not start, and its log contains `waiting:`",
        cause="It is the primary without data, and another pod may have data.",
        observe=_redis_waits,
        fix="start the pod that the log names; on a lost node: {kubectl} delete pod <pod> --force",
    ),
    Rule(
        section="network",
        symptom="The page loads, but the websocket does not (403)",
        cause="The config does not name the origin of the browser (scheme, host and port).",
        observe=_in_log("is not an accepted origin", WEB),
        fix="pulumi config set --path openWebui.publicScheme https, openWebui.additionalHosts or openWebui.publicPort; "
        "pulumi up",
    ),
    Rule(
        section="network",
        symptom="`make verify`: no controller has accepted the HTTPRoute",
        cause="Its Gateway does not exist, or no controller serves its GatewayClass.",
        observe=_route_is_not_accepted,
        fix="{kubectl} get gateways,gatewayclasses -A; then correct openWebui.gateway.parentRef",
    ),
    Rule(
        section="network",
        symptom="No name resolves in the pods",
        cause="The DNS of the cluster is not in `kube-system` on port 53.",
        # The resolver does not answer; a name that does not exist has another text.
        observe=_in_log("Temporary failure in name resolution", WEB, PREFLIGHT, BACKUP),
        fix="pulumi config set --path dns.preset openshift, or dns.namespace, dns.port, dns.cidrs; pulumi up",
    ),
)
"""Every rule, in the order of the page."""
