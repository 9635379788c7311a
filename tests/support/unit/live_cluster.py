"""A stack in a cluster, made of the objects that the program registers: what kubectl answers about it."""

import copy
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from stackctl.deployed.kubectl import Kubectl, KubectlError
from stackctl.deployed.stack import Stack
from tests.support.unit.recording import Recording

Object = dict[str, Any]

_KINDS = {
    "deployments": "Deployment",
    "deployment": "Deployment",
    "statefulsets": "StatefulSet",
    "cronjobs": "CronJob",
    "services": "Service",
    "secrets": "Secret",
    "pods": "Pod",
    "pvc": "PersistentVolumeClaim",
    "nodes": "Node",
    "events": "Event",
    "jobs": "Job",
    "clusters.postgresql.cnpg.io": "Cluster",
    "backups.postgresql.cnpg.io": "Backup",
    "scheduledbackups.postgresql.cnpg.io": "ScheduledBackup",
    "poolers.postgresql.cnpg.io": "Pooler",
    "certificates.cert-manager.io": "Certificate",
    "httproutes.gateway.networking.k8s.io": "HTTPRoute",
    "gateways.gateway.networking.k8s.io": "Gateway",
}
_OF_OPERATORS = {"Cluster", "Backup", "ScheduledBackup", "Pooler", "Certificate", "HTTPRoute", "Gateway"}


@dataclass
class LiveCluster:
    """The objects, to be changed by a test before they are read."""

    objects: list[Object]
    psql: Mapping[str, list[Mapping[str, object]]] | None = None
    """What the server answers to each query: rows of columns. None: the pod does not answer."""

    logs: dict[str, str] = field(default_factory=dict)
    """Logs by the words that kubectl gets, without options."""

    calls: list[tuple[str, ...]] = field(default_factory=list)
    statements: str = ""
    """The last standard input of psql."""

    @property
    def stack(self) -> Stack:
        return Stack(LiveKubectl(program="kubectl", namespace="rag-system", context="mine", live=self))

    def one(self, kind: str, name: str) -> Object:
        [matching] = [each for each in self.objects if (each["kind"], each["metadata"]["name"]) == (kind, name)]
        return matching

    def pods(self, app: str) -> list[Object]:
        return [each for each in self.objects if each["kind"] == "Pod" and each["metadata"]["labels"]["app"] == app]

    def break_pod(self, app: str, reason: str, *, container: str = "", index: int = 0) -> Object:
        """Let a container of a pod wait for a reason, such as ``CrashLoopBackOff``."""
        pod = self.pods(app)[index]
        pod["status"]["conditions"] = [{"type": "Ready", "status": "False"}]
        state = {"name": container or app, "restartCount": 7, "state": {"waiting": {"reason": reason}}}
        pod["status"]["containerStatuses"] = [state]
        return pod

    def run(self, words: tuple[str, ...], stdin: str) -> str:
        self.calls.append(words)
        if words[0] == "api-resources":
            return "\n".join(sorted(name for name, kind in _KINDS.items() if "." in name and self._served(kind)))
        if words[0] == "exec":
            self.statements = stdin
            if self.psql is None:
                raise KubectlError("error: unable to upgrade connection")
            return _csv(self.psql)
        if words[0] == "logs":
            return self.logs.get(" ".join(word for word in words if not word.startswith("--")), "")
        assert words[0] == "get", words
        return json.dumps(self._get(words[1], [word for word in words[2:] if word not in ("-o", "json")]))

    def _served(self, kind: str) -> bool:
        return kind not in _OF_OPERATORS or any(each["kind"] == kind for each in self.objects)

    def _get(self, kinds: str, rest: list[str]) -> Object:
        names = {_KINDS[each] for each in kinds.split(",")}
        if not any(self._served(kind) for kind in names):
            raise KubectlError(f'the server doesn\'t have a resource type "{kinds}"')
        selector = rest[1] if rest[:1] == ["-l"] else ""
        items = [each for each in self.objects if each["kind"] in names and _selected(each, selector)]
        if rest and not rest[0].startswith("-"):
            items = [each for each in items if each["metadata"]["name"] in rest]
            if len(items) == 1:
                return items[0]
            if not items:
                raise KubectlError(f'{kinds} "{rest[0]}" not found')
        return {"items": items}


@dataclass(frozen=True, kw_only=True)
class LiveKubectl(Kubectl):
    """kubectl on such a cluster."""

    live: LiveCluster

    def run(self, *arguments: str, stdin: str = "", seconds: float = 60) -> str:
        assert seconds > 0
        return self.live.run(arguments, stdin)


def live(recording: Recording, *, simulated: bool = False, psql: Mapping[str, Any] | None = None) -> LiveCluster:
    """The stack after a successful update: every pod is ready.

    Args:
        recording: what the program registered.
        simulated: whether the node is one of kwok.
        psql: what the database answers.
    """
    node = {"kwok.x-k8s.io/node": "fake"} if simulated else {}
    objects: list[Object] = [{"kind": "Node", "metadata": {"name": "node", "annotations": node, "labels": {}}}]
    for registered in recording.objects:
        if registered.kind in _KINDS.values():
            made = json.loads(json.dumps(_plain(registered.inputs, secret=registered.kind == "Secret")))
            made |= {"kind": registered.kind}
            made["metadata"].setdefault("labels", {})
            made["metadata"] |= {"generation": 1, "creationTimestamp": "2026-01-01T00:00:00Z"}
            objects += [made, *_pods(made)]
    return LiveCluster(objects=objects, psql=psql)


def _plain(inputs: Mapping[str, Any], *, secret: bool) -> Mapping[str, Any]:
    return {"metadata": inputs["metadata"]} if secret else inputs


def _pods(workload: Object) -> list[Object]:
    kind, spec = workload["kind"], workload.get("spec", {})
    if kind not in ("Deployment", "StatefulSet", "Cluster"):
        return []
    app = workload["metadata"]["labels"]["app"]
    if kind == "Cluster":
        number, pod = spec["instances"], {"containers": [{"name": app, "image": spec["imageName"]}]}
        ready = {"type": "Ready", "status": "True"}
        workload["status"] = {"readyInstances": number, "conditions": [ready]}
    else:
        number, pod = spec.setdefault("replicas", 1), spec["template"]["spec"]
        workload["status"] = {"observedGeneration": 1, "readyReplicas": number}
    return [_pod(app, index, copy.deepcopy(pod)) for index in range(int(number))]


def _pod(app: str, index: int, spec: Object) -> Object:
    return {
        "kind": "Pod",
        "metadata": {"name": f"{app}-{index}", "labels": {"app": app}},
        "spec": {**spec, "nodeName": "node"},
        "status": {
            "phase": "Running",
            "podIP": f"10.1.0.{index + 1}",
            "conditions": [{"type": "Ready", "status": "True"}],
            "containerStatuses": [{"name": app, "restartCount": 0, "state": {"running": {}}}],
        },
    }


def _selected(thing: Object, selector: str) -> bool:
    labels = thing["metadata"]["labels"]
    parts = [part.partition("=") for part in selector.split(",") if part]
    return all(labels.get(key) == value if equals else key in labels for key, equals, value in parts)


def _csv(answers: Mapping[str, list[Mapping[str, object]]]) -> str:
    """What `psql --csv` prints, with the line that announces each query."""
    lines = []
    for name, rows in answers.items():
        lines.append(f"-- {name}")
        if rows:
            lines.append(",".join(rows[0]))
        lines += [",".join("" if value is None else str(value) for value in row.values()) for row in rows]
    return "\n".join([*lines, ""])
