"""The pod of a recovery: recover.sh in the server's image, and the archive container beside it."""

import copy
from collections.abc import Callable, Sequence
from typing import Any

from components.postgresql import names as postgresql
from components.postgresql.archive.names import CONTAINER as ARCHIVE
from components.postgresql.archive.names import RECOVERY, RECOVERY_LABELS
from components.postgresql.archive.server_parameters import SCRIPTS
from components.postgresql.configuration import DATA_DIRECTORY
from host.waiting import attempts
from terminal.errors import LocalError

from ..deployed.kubectl import KubectlError
from ..deployed.stack import Stack, why_not_ready

_LONGEST_SECONDS = 24 * 3600
_START_SECONDS = 300
_POLL_SECONDS = 1
_LAST_LINES = 12


def pod_manifest(
    template: dict[str, Any], arguments: Sequence[str], archive: str, scratch: dict[str, Any] | None
) -> dict[str, Any]:
    """The pod, from the template of the server's: its image, its scripts and its credentials.

    Args:
        template: pod template of the StatefulSet.
        arguments: of recover.sh.
        archive: identifier of the archive in the bucket.
        scratch: spec of a PVC for a drill; None for the volume of the server, which must not run.
    """
    spec = copy.deepcopy(template["spec"])
    [server] = [each for each in spec["containers"] if each["name"] == postgresql.APP]
    [sidecar] = [each for each in spec["initContainers"] if each["name"] == ARCHIVE]
    for key in ("startupProbe", "readinessProbe", "livenessProbe", "ports"):
        server.pop(key, None)
    server["command"] = ["sh", f"{SCRIPTS}/recover.sh", *arguments]
    server["env"] = [
        *server.get("env", ()),
        {"name": "PGDATA", "value": DATA_DIRECTORY},
        {"name": "POSTGRES_DB", "value": postgresql.DATABASE},
        {"name": "SCRIPTS", "value": SCRIPTS},
    ]
    changed = {"ARCHIVE": archive, "BASE_BACKUP_HOURS": "0"}
    sidecar["env"] = [each for each in sidecar["env"] if each["name"] not in changed]
    sidecar["env"] += [{"name": name, "value": value} for name, value in changed.items()]
    for mount in sidecar["volumeMounts"]:
        if mount["name"] == "data":
            mount.pop("readOnly", None)
    if scratch is not None:
        claim = {"metadata": {"labels": RECOVERY_LABELS.metadata}, "spec": scratch}
        [volume] = [each for each in spec["volumes"] if each["name"] == "data"]
        del volume["persistentVolumeClaim"]
        volume["ephemeral"] = {"volumeClaimTemplate": claim}
    spec |= {
        "initContainers": [sidecar],
        "containers": [server],
        "restartPolicy": "Never",
        "activeDeadlineSeconds": _LONGEST_SECONDS,
    }
    # Not the labels of the server: the Service would select this pod.
    labels = {
        name: value for name, value in template["metadata"]["labels"].items() if name != "controller-revision-hash"
    }
    metadata = {"name": RECOVERY, "labels": {**labels, **RECOVERY_LABELS.metadata}}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}


def run_pod(stack: Stack, manifest: dict[str, Any], progress: Callable[[str], None]) -> list[str]:
    """Run the pod to its end, delete it, and return the messages of recover.sh.

    Raises:
        LocalError: it failed; the message is the end of both logs. Or a recovery is running.
    """
    kubectl = stack.kubectl
    if kubectl.run("get", "pod", RECOVERY, "--ignore-not-found", "-o", "name").strip():
        raise LocalError(
            f"there is a pod {RECOVERY}: another recovery is running, or was killed. Nothing was changed.\n"
            f"If none is running, delete it: {kubectl.shown()} delete pod {RECOVERY}"
        )
    try:
        kubectl.apply(manifest)
        phase, waited = "Pending", 0
        for _ in attempts(seconds=_LONGEST_SECONDS, every=_POLL_SECONDS):
            try:
                pod = kubectl.get("pod", RECOVERY)
            except KubectlError:
                continue
            phase = pod["status"].get("phase", "Pending")
            if phase in ("Succeeded", "Failed"):
                break
            waited = waited + _POLL_SECONDS if phase == "Pending" else 0
            if waited > _START_SECONDS:
                raise LocalError(f"the pod {RECOVERY} did not start within {_START_SECONDS} s: {why_not_ready(pod)}")
            progress((_lines(stack, postgresql.APP) or [why_not_ready(pod)])[-1].removeprefix("recover: "))
        lines = _lines(stack, postgresql.APP)
        if phase != "Succeeded":
            raise LocalError("\n".join([*_lines(stack, ARCHIVE)[-_LAST_LINES:], *lines[-_LAST_LINES:]]))
        return [line.removeprefix("recover: ") for line in lines if line.startswith("recover: ")]
    finally:
        kubectl.run("delete", "pod", RECOVERY, "--ignore-not-found", "--wait", seconds=180)


def _lines(stack: Stack, container: str) -> list[str]:
    try:
        return stack.kubectl.run("logs", RECOVERY, "-c", container).splitlines()
    except KubectlError:  # it has only just started
        return []
