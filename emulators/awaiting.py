"""Waiting until a Kubernetes object is ready or gone: watches, deadlines, progress messages."""

import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from threading import Event
from typing import Any

from . import readiness
from .cluster import ApiError, Cluster, UnreachableError
from .readiness import Object, Progress

DEFAULT_TIMEOUT = 600.0
# Fixed in the official provider, whatever time-out is asked for.
_FIXED_TIMEOUTS = {"PersistentVolume": 300.0, "PersistentVolumeClaim": 300.0, "ResourceQuota": 60.0}
SERVICE_SETTLES = 10.0
# Seconds until a broken watch is taken up again.
RECONNECT = 1.0
_FIRST_STEPS = {
    "Service": "[1/3] Finding Pods to direct traffic to",
    "Ingress": "[1/3] Finding a matching service for each Ingress path",
}
# Of pulumi.com/waitFor, for a kind without rules of its own.
_CONDITION = "condition="
# Kinds whose deletion may be left unobserved with pulumi.com/skipAwait.
_LEFT_ALONE_WHEN_DELETED = {"Namespace", "Deployment", "StatefulSet", "Job"}


class NotReadyError(Exception):
    """The object exists, but is not ready (or not gone) in time."""

    def __init__(self, live: Object, reason: str, problems: tuple[str, ...] = ()) -> None:
        super().__init__(reason)
        self.live = live
        self.problems = problems


def annotation(manifest: Object, name: str) -> str:
    """Value of an annotation `pulumi.com/<name>`, empty without one."""
    value = (manifest.get("metadata", {}).get("annotations") or {}).get(f"pulumi.com/{name}", "")
    return value if isinstance(value, str) else ""


def seconds_allowed(manifest: Object, requested: float) -> float:
    """The time-out: the resource's `custom_timeouts`, else its annotation, else 10 minutes."""
    if requested:
        return requested
    annotated = annotation(manifest, "timeoutSeconds")
    return float(annotated) if annotated.isdigit() else DEFAULT_TIMEOUT


@dataclass(frozen=True)
class Waiting:
    """One operation that waits: for which cluster, how long, whom it tells."""

    cluster: Cluster
    cancelled: Event
    report: Callable[[str], None]
    seconds: float

    def until_ready(self, manifest: Object, live: Object) -> Object:
        """The object once it is ready. Raises NotReadyError after the time-out, on cancellation, when it has failed."""
        kind = _awaited_kind(live) or annotation(manifest, "waitFor") or None
        if annotation(manifest, "skipAwait") == "true":
            self.report("Skipping await logic")
            return live
        if kind is None:
            return live
        if kind in _FIRST_STEPS:
            self.report(_FIRST_STEPS[kind])
        seconds = _FIXED_TIMEOUTS.get(kind, self.seconds)
        problems: tuple[str, ...] = ()
        try:
            for current, progress in self._progress(kind, live, time.monotonic() + seconds):
                live, problems = current, progress.problems
                if progress.ready:
                    return live
                if progress.failed:
                    name = live["metadata"]["name"]
                    raise NotReadyError(live, f"Resource '{name}' was created but failed to initialize", problems)
        except ApiError as error:
            # The object is there all the same and has to be recorded.
            raise NotReadyError(live, str(error), problems) from error
        raise self._given_up(kind, live, problems)

    def until_gone(self, manifest: Object, live: Object) -> None:
        """Return when the object does not exist any more. Raises NotReadyError after the time-out."""
        if annotation(manifest, "skipAwait") == "true" and live["kind"] in _LEFT_ALONE_WHEN_DELETED:
            return
        for remaining in self._attempts(time.monotonic() + self.seconds):
            with suppress(UnreachableError):
                current = _found(self.cluster, live)
                if current is None or current["metadata"]["uid"] != live["metadata"].get("uid"):
                    return
                version = current["metadata"]["resourceVersion"]
                if any(event["type"] == "DELETED" for event in self.cluster.watch(live, remaining, version)):
                    return
        raise NotReadyError(live, "timed out waiting for the condition")

    def _attempts(self, deadline: float) -> Iterator[float]:
        """Seconds that remain, again after a pause whenever a watch has ended, until the deadline or a cancellation."""
        while (remaining := deadline - time.monotonic()) > 0 and not self.cancelled.is_set():
            yield remaining
            self.cancelled.wait(min(RECONNECT, max(0.0, deadline - time.monotonic())))

    def _progress(self, kind: str, live: Object, deadline: float) -> Iterator[tuple[Object, Progress]]:
        """The object and how far it is, at each of its changes until the deadline."""
        for remaining in self._attempts(deadline):
            with suppress(UnreachableError):
                if kind == "Service":
                    yield self._settled_service(live, min(SERVICE_SETTLES, remaining))
                    continue
                for event in self.cluster.watch(live, remaining):
                    if event["type"] != "DELETED":
                        yield event["object"], self._reported(progress_of(self.cluster, kind, event["object"]))

    def _settled_service(self, live: Object, seconds: float) -> tuple[Object, Progress]:
        """The Service and how far it is, after its endpoints were watched for `seconds`."""
        if not readiness.needs_endpoints(live):
            live = self.cluster.get(live)
            return live, self._reported(readiness.service_progress(live, None, settled=True))
        endpoints: Object | None = None
        end = time.monotonic() + seconds
        for event in self.cluster.watch({**live, "kind": "Endpoints"}, seconds):
            endpoints = event["object"]
        self.cancelled.wait(max(0.0, end - time.monotonic()))
        live = self.cluster.get(live)
        settled = endpoints is not None and not self.cancelled.is_set()
        return live, self._reported(readiness.service_progress(live, endpoints, settled=settled))

    def _reported(self, progress: Progress) -> Progress:
        for message in progress.status:
            self.report(message)
        return progress

    def _given_up(self, kind: str, live: Object, problems: tuple[str, ...]) -> NotReadyError:
        name = live["metadata"]["name"]
        if self.cancelled.is_set():
            return NotReadyError(live, f'Resource operation was cancelled for "{name}"', problems)
        if kind in _FIXED_TIMEOUTS:
            return NotReadyError(live, f"Timeout occurred polling for '{name}'", problems)
        return NotReadyError(live, f"'{name}' timed out waiting to be Ready", problems)


def problems_now(cluster: Cluster, manifest: Object, live: Object) -> tuple[str, ...] | None:
    """For a refresh: why the object is not ready at this moment, None if it is. Nothing is waited for."""
    kind = _awaited_kind(live)
    if kind is None or kind in _FIXED_TIMEOUTS or annotation(manifest, "skipAwait") == "true":
        return None
    progress = progress_of(cluster, kind, live)
    return None if progress.ready else progress.problems


def progress_of(cluster: Cluster, kind: str, live: Object) -> Progress:
    """How far the object is, with what else has to be looked at in the cluster."""
    namespace = live["metadata"].get("namespace", "")
    if kind == "Deployment":
        replica_sets = cluster.list("apps/v1", "ReplicaSet", namespace)
        return readiness.deployment_progress(live, replica_sets, cluster.list("v1", "Pod", namespace))
    if kind.startswith(_CONDITION):
        return readiness.condition_progress(live, kind.removeprefix(_CONDITION))
    if kind == "Job":
        return readiness.job_progress(live, cluster.list("v1", "Pod", namespace))
    if kind == "StatefulSet":
        return readiness.stateful_set_progress(live, cluster.list("v1", "Pod", namespace))
    if kind == "Ingress":
        return readiness.ingress_progress(live, cluster.list("v1", "Service", namespace))
    if kind == "PersistentVolumeClaim":
        return readiness.claim_progress(live, _binding_mode(cluster, live))
    if kind == "Service":
        endpoints = None
        if readiness.needs_endpoints(live):
            endpoints = _found(cluster, {**live, "kind": "Endpoints"})
        return readiness.service_progress(live, endpoints, settled=True)
    simple: dict[str, Callable[[Object], Progress]] = {
        "PersistentVolume": readiness.volume_progress,
        "ResourceQuota": readiness.quota_progress,
    }
    return simple[kind](live)


def _binding_mode(cluster: Cluster, claim: Object) -> str:
    name = claim["spec"].get("storageClassName")
    if not name:
        return ""
    storage_class = {"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": {"name": name}}
    return str((_found(cluster, storage_class) or {}).get("volumeBindingMode", ""))


def _found(cluster: Cluster, manifest: Object) -> Object | None:
    try:
        return cluster.get(manifest)
    except ApiError as error:
        if error.code == 404:
            return None
        raise


_AWAITED: dict[tuple[Any, Any], str] = {
    ("apps/v1", "Deployment"): "Deployment",
    ("apps/v1", "StatefulSet"): "StatefulSet",
    ("batch/v1", "Job"): "Job",
    ("networking.k8s.io/v1", "Ingress"): "Ingress",
    ("v1", "PersistentVolume"): "PersistentVolume",
    ("v1", "PersistentVolumeClaim"): "PersistentVolumeClaim",
    ("v1", "ResourceQuota"): "ResourceQuota",
    ("v1", "Service"): "Service",
}


def _awaited_kind(live: Object) -> str | None:
    return _AWAITED.get((live.get("apiVersion"), live.get("kind")))
