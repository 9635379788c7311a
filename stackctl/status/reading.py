"""One look at a deployed stack. It creates nothing and changes nothing."""

from collections.abc import Callable
from typing import Any

from components.blocks.quantities import quantity
from components.postgresql import names as postgresql
from components.postgresql.archive.names import CONTAINER as ARCHIVE_CONTAINER
from components.postgresql.archive.settings import oldest_base_backup

from ..deployed.applications import applications
from ..deployed.backup_state import BackupState, backup_state, time_of
from ..deployed.kubectl import KubectlError
from ..deployed.stack import PART_OF, SIMULATED, Stack
from ..deployed.topology import topology
from . import cloudnative_pg
from .database import Measurements, measure
from .state import Archive, Backup, Backups, Certificate, State, Volume

_CERTIFICATES = "certificates.cert-manager.io"


def read(stack: Stack, begin: Callable[[str], None] = lambda _what: None) -> State:
    """Look at a stack.

    Args:
        stack: to look at.
        begin: receives what is read next.

    Raises:
        KubectlError: the cluster does not answer.
    """
    begin("pods")
    simulated, cluster = stack.is_simulated(), stack.database_cluster()
    workloads = stack.workloads(cluster)
    running, servers = applications(stack, workloads), topology(stack, cluster, workloads)
    server = workloads[postgresql.APP] if servers.postgresql == "standalone" else None
    begin("backups")
    state = backup_state(stack)
    unread: list[str] = []
    measured = _measured(stack, server, simulated, unread)
    return State(
        context=stack.kubectl.context,
        namespace=stack.kubectl.namespace,
        simulated=simulated,
        applications=running,
        servers=servers,
        backups=_backups(state, measured) if state else None,
        archive=_archive(stack, server, cluster, measured) if servers.archive else None,
        certificates=_certificates(stack, cluster, measured, unread),
        volume=_volume(stack, measured) if measured else None,
        unread=tuple(unread),
    )


def _measured(stack: Stack, server: dict[str, Any] | None, simulated: bool, unread: list[str]) -> Measurements | None:
    if server is None:
        return None
    what = "the volume, the certificate and the base backups of PostgreSQL"
    if simulated:
        unread.append(f"{what}: {SIMULATED}")
        return None
    try:
        return measure(stack)
    except KubectlError as error:
        unread.append(f"{what}: {error}")
        return None


def _backups(state: BackupState, measured: Measurements | None) -> Backups:
    of_cron_job = Backup(place="", succeeded=state.succeeded, failed=state.failed)
    places = measured.backups if measured and measured.backups else (of_cron_job,)
    return Backups(places=places, oldest=state.oldest, since=state.created, suspended=state.is_suspended)


def _archive(
    stack: Stack, server: dict[str, Any] | None, cluster: dict[str, Any] | None, measured: Measurements | None
) -> Archive | None:
    if cluster:
        return cloudnative_pg.archive(stack, cluster)
    if server is None or measured is None:
        return None
    containers = server["spec"]["template"]["spec"]["initContainers"]
    variables = {
        each["name"]: each.get("value", "")
        for container in containers
        if container["name"] == ARCHIVE_CONTAINER
        for each in container["env"]
    }
    return Archive(
        base_backup=measured.base_backup,
        oldest=oldest_base_backup(int(variables["BASE_BACKUP_HOURS"])),
        failing=measured.base_backups_fail,
        waiting_segments=measured.waiting_segments,
    )


def _certificates(
    stack: Stack, cluster: dict[str, Any] | None, measured: Measurements | None, unread: list[str]
) -> tuple[Certificate, ...]:
    own = [measured.certificate] if measured and measured.certificate else []
    of_cluster = cloudnative_pg.certificates(cluster) if cluster else []
    return (*own, *of_cluster, *_issued(stack, unread))


def _issued(stack: Stack, unread: list[str]) -> list[Certificate]:
    """Certificates of cert-manager; none where the kind is not served."""
    try:
        served = stack.kubectl.run("api-resources", "--api-group=cert-manager.io", "--output=name").split()
        items = stack.kubectl.get(_CERTIFICATES, "-l", PART_OF)["items"] if _CERTIFICATES in served else []
    except KubectlError as error:
        unread.append(f"the certificates of cert-manager: {error}")
        return []
    issued = []
    for item in items:
        status = item.get("status") or {}
        if ends := time_of(status.get("notAfter")):
            name = item["metadata"]["name"]
            issued.append(Certificate(name=name, begins=time_of(status.get("notBefore")), ends=ends))
    return issued


def _volume(stack: Stack, measured: Measurements) -> Volume | None:
    try:
        volume_claim = stack.kubectl.get("pvc", postgresql.VOLUME_CLAIM)
    except KubectlError:
        # An existing PVC of another name, whose size the stack does not know.
        return None
    size = volume_claim["spec"]["resources"]["requests"]["storage"]
    return Volume(used=measured.used, size=int(quantity(size)))
