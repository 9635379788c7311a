"""The alerts that would fire now, as rules on what was read.

Each condition is that of the alert of the same name, or of kube-prometheus. An alert fires only after its own `for`,
which one look cannot measure. Pure: no cluster is asked here.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from components.open_webui import names as open_webui
from components.postgresql import names as postgresql
from components.postgresql.archive.names import CONTAINER as ARCHIVE_CONTAINER
from components.redis import names as redis
from terminal.invocation import command_line

from ..deployed.applications import Application
from .state import State

Severity = Literal["critical", "warning"]

WAITING_SEGMENTS = 8
"""Of PostgreSQLArchiveBehind."""

VOLUME_FILLING, VOLUME_FULL = 0.8, 0.9
"""Of PostgreSQLVolumeFilling and PostgreSQLVolumeFull: the share that is used."""

CERTIFICATE_LEFT = 0.1
"""Of PostgreSQLCertificateEnds: the share of its lifetime that is left."""

_DAYS_LEFT = timedelta(days=7)
"""The same for a certificate whose beginning is unknown. CloudNativePG renews its own earlier."""

_DOWN = {open_webui.APP: "OpenWebUINoReplicaReady", redis.APP: "RedisDown", postgresql.APP: "PostgreSQLDown"}
_MISSING = {
    open_webui.APP: "OpenWebUIReplicasMissing",
    redis.APP: "RedisReplicaMissing",
    postgresql.APP: "PostgreSQLStandbyMissing",
}


@dataclass(frozen=True, kw_only=True)
class Alert:
    """An alert that would fire."""

    name: str
    """Name of the alert."""

    severity: Severity
    summary: str
    """The condition with its values, one sentence."""

    look_at: str
    """Command that shows more; ``{kubectl}`` is kubectl with the cluster and the namespace."""


def firing(state: State, now: datetime) -> list[Alert]:
    """The alerts that would fire, the critical ones first."""
    alerts = [alert for rule in _RULES for alert in rule(state, now)]
    return sorted(alerts, key=lambda alert: alert.severity != "critical")


def _pods(state: State, _now: datetime) -> Iterator[Alert]:
    for each in state.applications:
        if not each.ready:
            # The stack has no application that serves without a pod: somebody, or a restore, scaled it to zero.
            problem = f"no ready pod of {each.replicas}" if each.replicas else "no pod: it is scaled to zero"
            yield Alert(
                name=_DOWN.get(each.app, "NoReadyReplica"),
                severity="critical",
                summary=f"{each.app} has {problem}{_reasons(each)}.",
                look_at=_describe(each.app),
            )
        elif each.ready < each.replicas:
            name = _MISSING.get(each.app, f"Kube{each.kind}ReplicasMismatch")
            yield Alert(
                name=name,
                severity="warning",
                summary=f"{each.app} has {each.ready} ready pods of {each.replicas}{_reasons(each)}.",
                look_at=_describe(each.app),
            )
        if each.restart_loops:
            yield Alert(
                name="KubePodCrashLooping",
                severity="warning",
                summary=f"The kubelet restarts {', '.join(each.restart_loops)} again and again.",
                look_at=f"{{kubectl}} logs -l app={each.app} --all-containers --previous --tail=20 --prefix",
            )


def _backups(state: State, now: datetime) -> Iterator[Alert]:
    backups = state.backups
    if backups is None or state.simulated:
        return
    log = f"{{kubectl}} logs -l app=postgres-backup --tail=-1 --prefix; {command_line('backup run')}"
    for each in backups.places:
        place = f" ({each.place})" if each.place else ""
        if each.failed:
            yield Alert(
                name="PostgreSQLBackupFailed",
                severity="warning",
                summary=f"The last backup{place} failed, and none has succeeded since.",
                look_at=log,
            )
        if each.succeeded and backups.oldest and (now - each.succeeded).total_seconds() > backups.oldest:
            yield Alert(
                name="PostgreSQLBackupOld",
                severity="critical",
                summary=f"The newest proved backup{place} is {age(each.succeeded, now)} old. The schedule has no pause "
                "that long.",
                look_at=log,
            )
    waited = (now - backups.since).total_seconds() if backups.since else 0
    if not any(each.succeeded for each in backups.places) and backups.oldest and waited > backups.oldest:
        yield Alert(
            name="PostgreSQLBackupMissing",
            severity="critical",
            summary="There is no proved backup.",
            look_at=log,
        )


def _archive(state: State, now: datetime) -> Iterator[Alert]:
    archive = state.archive
    if archive is None or state.simulated:
        return
    log = f"{{kubectl}} logs postgres-0 -c {ARCHIVE_CONTAINER} --tail=20"
    if state.servers.postgresql == "cloudnative-pg":
        log = "{kubectl} describe backups.postgresql.cnpg.io,clusters.postgresql.cnpg.io"
    if (archive.waiting_segments or 0) >= WAITING_SEGMENTS:
        yield Alert(
            name="PostgreSQLArchiveBehind",
            severity="critical",
            summary=f"{archive.waiting_segments} segments of the write-ahead log are not in the bucket.",
            look_at=log,
        )
    if not archive.archiving:
        yield Alert(
            name="PostgreSQLArchivingFails",
            severity="critical",
            summary="The operator reports that the write-ahead log is not archived.",
            look_at=log,
        )
    if archive.failing:
        yield Alert(name="PostgreSQLBaseBackupFailed", severity="warning", summary="Base backups fail.", look_at=log)
    if archive.base_backup is None:
        yield Alert(
            name="PostgreSQLBaseBackupMissing",
            severity="critical",
            summary="The archive has no base backup: no recovery is possible.",
            look_at=log,
        )
    elif archive.oldest and (now - archive.base_backup).total_seconds() > archive.oldest:
        yield Alert(
            name="PostgreSQLBaseBackupOld",
            severity="critical",
            summary=f"The newest base backup is {age(archive.base_backup, now)} old.",
            look_at=log,
        )


def _certificates(state: State, now: datetime) -> Iterator[Alert]:
    for each in state.certificates:
        left = each.ends - now
        least = CERTIFICATE_LEFT * (each.ends - each.begins) if each.begins else _DAYS_LEFT
        if left < least:
            ended = left < timedelta()
            yield Alert(
                name="PostgreSQLCertificateEnds" if each.name.startswith("PostgreSQL") else "CertificateEnds",
                severity="critical",
                summary=f"The certificate {each.name} {'ended' if ended else 'ends'} on {each.ends:%Y-%m-%d %H:%M} UTC"
                " and was not renewed.",
                look_at="{kubectl} describe certificates.cert-manager.io",
            )


def _volume(state: State, _now: datetime) -> Iterator[Alert]:
    if state.volume is None:
        return
    share = state.volume.used / state.volume.size
    if share > VOLUME_FILLING:
        full = share > VOLUME_FULL
        yield Alert(
            name="PostgreSQLVolumeFull" if full else "PostgreSQLVolumeFilling",
            severity="critical" if full else "warning",
            summary=f"The volume of PostgreSQL is {share:.0%} full.",
            look_at="{kubectl} describe pvc postgres-data; pulumi config set --path postgresql.storage.size <size>",
        )


_RULES: tuple[Callable[[State, datetime], Iterator[Alert]], ...] = (_pods, _backups, _archive, _certificates, _volume)


def _reasons(application: Application) -> str:
    return f": {', '.join(application.not_ready)}" if application.not_ready else ""


def _describe(app: str) -> str:
    more = "logs -l app=open-webui --tail=20" if app == open_webui.APP else "get events --sort-by=.lastTimestamp"
    return f"{{kubectl}} describe pods -l app={app}; {{kubectl}} {more}"


def age(time: datetime, now: datetime) -> str:
    """Time since then in its largest units: ``3 d 4 h``, ``5 h 20 min``, ``40 s``."""
    seconds = max(0, int((now - time).total_seconds()))
    for unit, name, smaller, small in ((86400, "d", 3600, "h"), (3600, "h", 60, "min"), (60, "min", 1, "s")):
        if seconds >= unit:
            rest = seconds % unit // smaller
            return f"{seconds // unit} {name}" + (f" {rest} {small}" if rest else "")
    return f"{seconds} s"
