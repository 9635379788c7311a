"""When a Kubernetes object counts as ready: the rules and words of the official provider, as pure functions."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

Object = dict[str, Any]

REVISION = "deployment.kubernetes.io/revision"
NO_LOAD_BALANCER = (
    "Ingress .status.loadBalancer field was not updated with a hostname/IP address. "
    "\n    for more information about this error, see https://pulumi.io/xdv72s"
)


@dataclass(frozen=True)
class Progress:
    """How far an object is."""

    ready: bool
    status: tuple[str, ...] = ()
    """Messages for the resource's row, in order."""
    problems: tuple[str, ...] = ()
    """Why it is not ready, for the error if it never gets there."""
    failed: bool = False
    """It cannot get ready any more."""


def _condition(obj: Object, kind: str) -> Object:
    conditions = obj.get("status", {}).get("conditions", [])
    return next((dict(condition) for condition in conditions if condition["type"] == kind), {})


def _observed(obj: Object) -> bool:
    generation: int = obj["metadata"].get("generation", 0)
    return bool(obj.get("status", {}).get("observedGeneration", 0) >= generation)


def owned_by(objects: Iterable[Object], owner: Object) -> list[Object]:
    uid = owner["metadata"]["uid"]
    return [
        obj
        for obj in objects
        if any(reference["uid"] == uid for reference in obj["metadata"].get("ownerReferences", []))
    ]


def deployment_progress(deployment: Object, replica_sets: list[Object], pods: list[Object]) -> Progress:
    """Ready when the controller has seen the newest generation and all pods of its ReplicaSet are ready.

    A Deployment that is rolled forward must also report the new ReplicaSet as available.
    """
    revision = deployment["metadata"].get("annotations", {}).get(REVISION)
    if not _observed(deployment) or revision is None:
        return Progress(ready=False, problems=("Minimum number of live Pods was not attained",))
    current = next(
        (
            replica_set
            for replica_set in owned_by(replica_sets, deployment)
            if replica_set["metadata"].get("annotations", {}).get(REVISION) == revision
        ),
        None,
    )
    desired = current["spec"].get("replicas", 1) if current else 1
    live = current.get("status", {}).get("readyReplicas", 0) if current else 0
    all_live = current is not None and live >= desired
    progressing, available = _condition(deployment, "Progressing"), _condition(deployment, "Available")
    is_available = available.get("status") == "True"
    rolled_out = progressing.get("status") == "True" and progressing.get("reason") == "NewReplicaSetAvailable"
    if is_available and all_live and (revision == "1" or rolled_out):
        return Progress(ready=True, status=("Deployment initialization complete",))
    warnings = tuple(
        f"[{condition['reason']}] {condition['message']}"
        for condition in (progressing, available)
        if condition and condition["status"] != "True"
    )
    waiting = f"Waiting for app ReplicaSet to be available ({live}/{desired} Pods available)"
    if not is_available:
        problem = "Minimum number of live Pods was not attained"
    elif revision == "1" or not rolled_out:
        problem = "Minimum number of Pods to consider the application live was not attained"
    else:
        problem = "Attempted to roll forward to new ReplicaSet, but minimum number of Pods did not become live"
    problems = (*warnings, problem, *pod_problems(owned_by(pods, current) if current else []))
    return Progress(ready=False, status=(*warnings, *(() if all_live else (waiting,))), problems=problems)


def stateful_set_progress(stateful_set: Object, pods: list[Object]) -> Progress:
    """Ready when every replica is ready and of the newest revision."""
    spec, status = stateful_set["spec"], stateful_set.get("status", {})
    desired = spec.get("replicas", 1)
    observed = _observed(stateful_set)
    replicas, live = status.get("replicas", 0), status.get("readyReplicas", 0)
    current, target = status.get("currentRevision", ""), status.get("updateRevision", "")
    on_delete = spec.get("updateStrategy", {}).get("type") == "OnDelete" and stateful_set["metadata"]["generation"] > 1
    revision_ready = observed and (on_delete or (current != "" and current == target))
    replicas_ready = (
        observed and replicas == live == desired and (on_delete or status.get("currentReplicas", 0) == desired)
    )
    if revision_ready and replicas_ready:
        return Progress(ready=True, status=("StatefulSet initialization complete",))
    shown = live if revision_ready else min(live, status.get("updatedReplicas", 0))
    if stateful_set["metadata"].get("generation", 1) <= 1:
        step = f"[1/2] Waiting for StatefulSet to create Pods ({shown}/{desired} Pods ready)"
    elif not replicas_ready:
        step = f"[1/3] Waiting for StatefulSet update to roll out ({shown}/{desired} Pods ready)"
    else:
        step = "[2/3] Waiting for StatefulSet to update .status.currentRevision"
    problems = []
    if not replicas_ready:
        problems.append(f"{shown} out of {desired} replicas succeeded readiness checks")
    if not revision_ready:
        problems.append(f'StatefulSet controller failed to advance from revision "{current}" to revision "{target}"')
    return Progress(ready=False, status=(step,), problems=(*problems, *pod_problems(owned_by(pods, stateful_set))))


def pod_problems(pods: Iterable[Object]) -> list[str]:
    """Reasons why pods do not run: images that cannot be pulled, crashes, containers that ended and what they said.

    As in the official provider's pkg/await/checker/pod: the first of the conditions that does not hold decides.
    """
    return [problem for pod in pods if (problem := _pod_problem(pod))]


def _pod_problem(pod: Object) -> str:
    status = pod.get("status", {})
    if _condition(pod, "PodScheduled").get("status", "True") != "True":
        return ""
    for kind in ("Initialized", "Ready"):
        condition = _condition(pod, kind)
        done = kind == "Ready" and status.get("phase") == "Succeeded"
        if not condition or condition.get("status") == "True" or done:
            continue
        message = condition.get("message", "") if condition.get("reason") else ""
        errors = [error for each in status.get("containerStatuses", []) for error in _container_errors(each)]
        if condition.get("message") or errors:
            name = f"{pod['metadata']['namespace']}/{pod['metadata']['name']}"
            return f"[Pod {name}]: {message}" + "\n".join(errors)
        return ""
    return ""


def _container_errors(container: Object) -> Iterator[str]:
    if container.get("ready"):
        return
    state = container.get("state", {})
    if (waiting := state.get("waiting")) and waiting.get("reason") != "ContainerCreating":
        yield f"[{waiting.get('reason', '')}] {waiting.get('message', '')}"
    if (ended := state.get("terminated")) and ended.get("reason"):
        message = ended.get("message")
        code = f'container "{container.get("name")}" completed with exit code {ended.get("exitCode")}'
        yield f"[{ended['reason']}] {message}" if message else code
    if last := container.get("lastState", {}).get("terminated"):
        how = f"({last.get('reason', '')}: exit code {last.get('exitCode')})"
        yield f'container "{container.get("name")}" terminated at {last.get("finishedAt")} {how}'
        if last.get("message"):
            yield last["message"]


# Other reasons, such as PodFailurePolicy, are not known to the official provider: it waits until its time is over.
_JOB_FAILURES = ("BackoffLimitExceeded", "DeadlineExceeded")


def job_progress(job: Object, pods: list[Object]) -> Progress:
    """Ready when the Job is complete; failed when it has given up."""
    status, failed = job.get("status", {}), _condition(job, "Failed")
    name = f"{job['metadata'].get('namespace', '')}/{job['metadata']['name']}"
    started = "startTime" in status
    if failed.get("status") == "True" and failed.get("reason") in _JOB_FAILURES:
        problem = f"[{failed['reason']}] {failed.get('message')}"
        return Progress(ready=False, problems=(*pod_problems(owned_by(pods, job)), problem), failed=True)
    if started and _condition(job, "Complete").get("status") == "True":
        return Progress(ready=True)
    counts = " | ".join(f"{key.capitalize()}: {status.get(key, 0)}" for key in ("active", "succeeded", "failed"))
    step = f'Waiting for Job "{name}" to succeed ({counts})' if started else ""
    problems = tuple(pod_problems(owned_by(pods, job)))
    return Progress(ready=False, status=(step or f'Waiting for Job "{name}" to start',), problems=problems)


def claim_progress(claim: Object, binding_mode: str) -> Progress:
    """Ready when bound; under WaitForFirstConsumer already while it waits for a pod."""
    phase = claim.get("status", {}).get("phase")
    return Progress(ready=phase == "Bound" or (phase == "Pending" and binding_mode == "WaitForFirstConsumer"))


def volume_progress(volume: Object) -> Progress:
    return Progress(ready=volume.get("status", {}).get("phase") in ("Available", "Bound"))


def quota_progress(quota: Object) -> Progress:
    """Ready when the controller enforces the limits asked for."""
    return Progress(ready=quota.get("spec", {}).get("hard") == quota.get("status", {}).get("hard"))


def condition_progress(custom: Object, kind: str) -> Progress:
    """Ready when the condition is true, for a custom resource whose manifest names it (`pulumi.com/waitFor`)."""
    condition = _condition(custom, kind)
    if condition.get("status") == "True":
        return Progress(ready=True)
    reason = f": {condition['message']}" if condition.get("message") else ""
    return Progress(ready=False, problems=(f"Waiting for condition {kind}{reason}",))


def needs_endpoints(service: Object) -> bool:
    """Whether a Service has pods to wait for: headless ones, those without selector and ExternalName have not."""
    spec = service["spec"]
    return spec.get("clusterIP") != "None" and spec.get("type") != "ExternalName" and bool(spec.get("selector"))


def service_progress(service: Object, endpoints: Object | None, *, settled: bool) -> Progress:
    """Ready when no endpoint is pending, 10 s after they appeared (`settled`); a load balancer needs its address."""
    balanced = service["spec"].get("type") == "LoadBalancer"
    has_address = not balanced or bool(service.get("status", {}).get("loadBalancer", {}).get("ingress"))
    if not needs_endpoints(service):
        return Progress(ready=has_address)
    subsets = (endpoints or {}).get("subsets") or []
    pending = any(subset.get("notReadyAddresses") for subset in subsets)
    live = any(subset.get("addresses") for subset in subsets)
    if has_address and settled and not pending:
        return Progress(ready=True, status=("Service initialization complete",))
    problems = []
    if not live:
        problems.append(
            "Service does not target any Pods. Selected Pods may not be ready, or "
            "field '.spec.selector' may not match labels on any Pods"
        )
    if not has_address:
        problems.append("Service was not allocated an IP address; does your cloud provider support this?")
    status = ("[2/3] Attempting to allocate IP address to Service",) if settled and live else ()
    return Progress(ready=False, status=status, problems=tuple(problems))


def ingress_progress(ingress: Object, services: list[Object]) -> Progress:
    """Ready when a controller has published an address. Missing backends are told, and not waited for."""
    if ingress.get("status", {}).get("loadBalancer", {}).get("ingress"):
        return Progress(ready=True, status=("Ingress initialization complete",))
    known = {service["metadata"]["name"] for service in services}
    missing = []
    for rule in ingress.get("spec", {}).get("rules", []):
        for path in rule.get("http", {}).get("paths", []):
            name = path["backend"].get("service", {}).get("name")
            if name and name not in known:
                url = rule.get("host", "") + path.get("path", "")
                missing.append(f'No matching service found for ingress rule: "{url}" -> "{name}"')
    step = "[2/3] Waiting for update of .status.loadBalancer with hostname/IP"
    return Progress(ready=False, status=(*missing, step), problems=(NO_LOAD_BALANCER,))
