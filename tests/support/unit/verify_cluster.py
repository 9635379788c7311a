"""A cluster with a stack as `stackctl.verify` sees it: what kubectl answers, and what runs in the pods."""

import base64
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from stackctl.deployed.kubectl import Kubectl, KubectlError
from stackctl.deployed.stack import WEB, Stack
from tests.support.unit.web_replicas import ADMIN as ADMIN
from tests.support.unit.web_replicas import ADMIN_PASSWORD as ADMIN_PASSWORD
from tests.support.unit.web_replicas import Web

PASSWORD = "generated-Password-2"
POOLER = "postgres-pooler"
SERVICES = {"redis-service": "10.0.0.1", "postgres": "10.0.0.2", WEB: "10.0.0.3", POOLER: "10.0.0.4"}
Object = dict[str, Any]


@dataclass
class FakeCluster:
    """What there is, to be changed by a test before and looked at after."""

    web: Web = field(default_factory=Web)
    objects: dict[tuple[str, str], Object] = field(default_factory=dict)
    """The applied objects by kind and name."""

    fails: set[str] = field(default_factory=set)
    """First words of the commands that fail."""

    node_annotations: dict[str, str] = field(default_factory=dict)
    replicas: int = 2
    starts: int = 100
    """Most web pods that get ready."""

    lingering: int = 0
    """Fewest web pods that there are, whatever number is asked for."""

    leaving: int = 0
    """Web pods that were told to leave, beside the others."""

    rollout: Object = field(default_factory=dict)
    """Of the Deployment's status, what is not as after a rollout."""

    deletes: bool = True
    """Whether what is deleted goes."""

    forgets: bool = True
    """Whether an annotation that is removed goes."""

    annotations: dict[str, str] = field(default_factory=dict)
    autoscaler: Object | None = None
    wants: list[int] = field(default_factory=list)
    """Numbers of replicas that were asked for, one after the other."""

    pong: str = "PONG"
    """What Redis answers in its pod."""

    redis_pods: int = 1
    database: Literal["standalone", "cloudnative-pg", "external"] = "standalone"
    database_ready: bool = True
    """Whether CloudNativePG reports its cluster ready."""

    reload_environment: list[Object] = field(default_factory=list)
    """Variables of the sidecar of a Redis pod."""

    variables: dict[str, str] = field(default_factory=dict)
    sources: dict[str, tuple[str, str]] = field(default_factory=dict)
    """Secret and key of the variables that come from a Secret which the stack does not own."""

    """Further variables of the web pods."""

    backups: Object | None = None
    """Status of the CronJob of the backups, when there is one."""

    gateway_api: dict[str, list[Object]] = field(default_factory=dict)
    """Objects of the Gateway API by kind: ``httproutes``, ``gateways``."""

    load_balancers: list[Object] = field(default_factory=list)
    """Services of type LoadBalancer."""

    commands: list[tuple[str, ...]] = field(default_factory=list)
    """Commands that were run in pods, other than Python."""

    level: str = "DEBUG"
    log: str = "2026-01-01T00:00:05.123456789Z Using Redis to manage websockets\n"
    redis: Object = field(
        default_factory=lambda: {
            "REDIS_URL": "",
            "WEBSOCKET_REDIS_URL": "",
            "ping": "PONG",
            "allowed": [],
            "commands": 6,
        }
    )
    subscribers: int = 2
    names: dict[str, list[str] | None] = field(
        default_factory=lambda: {name: [address] for name, address in SERVICES.items()}
    )
    secrets: dict[str, dict[str, str]] = field(
        default_factory=lambda: {
            "redis-config": {
                "cache-url": f"redis://openwebui:{PASSWORD}@redis-service:6379/0",
                "websocket-url": f"redis://openwebui:{PASSWORD}@redis-service:6379/1",
            },
            "postgresql-secret": {"database-url": f"postgresql://ragsystemuser:{PASSWORD}@postgres:5432/ragsystemdb"},
            "redis-acl": {"users.acl": "user default"},
            "openwebui-secret": {"secret-key": PASSWORD},
            "openwebui-admin": {"email": ADMIN, "password": ADMIN_PASSWORD},
        }
    )
    pooler_pods: int = 0
    creates_pooler: bool = True
    """Whether the operator of PostgreSQL has created the Deployment of PgBouncer."""

    requests: int | None = None
    """Requests that the load makes; those of one second when None."""

    load_ends: str = ""
    """Why the load ends before its time."""

    failed_requests: list[Object] = field(default_factory=list)
    load: "subprocess.Popen[str] | None" = None
    """The load, while it is on."""

    @property
    def stack(self) -> Stack:
        return Stack(FakeKubectl(program="kubectl", namespace="rag-system", context="mine", cluster=self))

    def left(self) -> list[str]:
        """What of a run is still there."""
        accounts = [email for email in self.web.accounts if email != ADMIN]
        valid = [token for token, (replica, _) in self.web.tokens.items() if self.web._valid(token, replica)]
        return [*(name for _, name in self.objects), *accounts, *self.web.chats, *valid, *self.annotations]

    def run(self, words: tuple[str, ...], stdin: str) -> str:
        command, *rest = words
        if command == "exec":
            self.commands.append(tuple(rest))
        if command == "get" and "cnpg" in rest[0] and self.database != "cloudnative-pg":
            raise KubectlError("the server doesn't have a resource type")
        if command in self.fails:
            raise KubectlError(f"{command} fails")
        if command == "api-resources":
            return "\n".join(f"{kind}.gateway.networking.k8s.io" for kind in self.gateway_api)
        if command == "get":
            return json.dumps(self._get(rest[0], rest[1:]))
        if command == "apply":
            made = json.loads(stdin)
            self.objects[made["kind"], made["metadata"]["name"]] = made
        elif command == "delete":
            kept = {key: thing for key, thing in self.objects.items() if not _selected(thing, rest[2])}
            self.objects = kept if self.deletes else self.objects
        elif command == "annotate":
            key, equals, value = rest[2].partition("=")
            if equals or self.forgets:
                self.annotations = {key: value} if equals else {}
        elif command == "scale":
            self.replicas = int(rest[2].partition("=")[2])
            self.wants.append(self.replicas)
        elif command == "patch":
            assert self.autoscaler
            self.autoscaler["spec"] |= json.loads(rest[-1])["spec"]
        elif command == "exec" and "touch" in rest:
            self._stop_load()
        return {"exec": f"{self.pong}\n", "logs": self.log}.get(command, "")

    def _stop_load(self) -> None:
        assert self.load
        assert self.load.stdin
        self.load.stdin.close()
        self.load.stdin = None

    def _get(self, kinds: str, rest: list[str]) -> Object:
        if kinds == "deployment":
            return self._deployment()
        if kinds == "secret":
            data = {key: base64.b64encode(v.encode()).decode() for key, v in self.secrets[rest[0]].items()}
            return {"data": data}
        if kinds == "nodes":
            return {"metadata": {"annotations": self.node_annotations}}
        selector = rest[1] if rest[:1] == ["-l"] else ""
        if kinds == "services" and POOLER in selector:
            return {"items": [] if self.is_operated else [{}] * self.pooler_pods}
        items = {
            "pods": self._pods(selector.removeprefix("app=").partition(",")[0]),
            "deployments,statefulsets": self._workloads(),
            "secrets": [{"metadata": {"name": name}} for name in self.secrets if name.startswith("redis-")],
            "services": [
                *({"metadata": {"name": n}, "spec": {"clusterIP": ip}} for n, ip in self.services.items()),
                *self.load_balancers,
            ],
            **{f"{kind}.gateway.networking.k8s.io": items for kind, items in self.gateway_api.items()},
            "clusters.postgresql.cnpg.io": [self._cluster()] if self.is_operated else [],
            "poolers.postgresql.cnpg.io": [{}] * self.pooler_pods if self.is_operated else [],
            # Asked for by the label of the operator.
            "deployments": self._pooler_deployment() if self.is_operated else [],
            "endpointslices": [{"endpoints": [{"conditions": {"ready": True}}]}],
            "cronjobs": [] if self.backups is None else [{"status": self.backups}],
            "horizontalpodautoscaler": [self.autoscaler] if self.autoscaler else [],
        }
        return {"items": items.get(kinds, [thing for thing in self.objects.values() if _selected(thing, selector)])}

    @property
    def services(self) -> dict[str, str]:
        """The Services of the stack and their addresses."""
        optional = {"postgres": self.database != "external", POOLER: self.pooler_pods > 0}
        return {name: address for name, address in SERVICES.items() if optional.get(name, True)}

    @property
    def is_operated(self) -> bool:
        """Whether CloudNativePG runs PostgreSQL and PgBouncer."""
        return self.database == "cloudnative-pg"

    def _pooler_deployment(self) -> list[Object]:
        """The operator's: without the labels of the stack."""
        number = self.pooler_pods if self.creates_pooler else 0
        labels = {"cnpg.io/poolerName": POOLER}
        status = {"observedGeneration": 1}
        return [{"metadata": {"generation": 1, "labels": labels}, "spec": {"replicas": number}, "status": status}] * (
            number > 0
        )

    def _cluster(self) -> Object:
        ready = {"type": "Ready", "status": str(self.database_ready)}
        return {
            "metadata": {"generation": 4, "labels": {"app": "postgres"}},
            "spec": {"instances": 3},
            "status": {"readyInstances": 3, "conditions": [ready]},
        }

    def _deployment(self) -> Object:
        variables = {"GLOBAL_LOG_LEVEL": self.level, **self.variables}
        env: list[Object] = [{"name": name, "value": value} for name, value in variables.items()]
        for name, (secret, key) in self.sources.items():
            env.append({"name": name, "valueFrom": {"secretKeyRef": {"name": secret, "key": key}}})
        container = {"name": WEB, "image": "image", "env": env}
        return {
            "metadata": {"annotations": dict(self.annotations), "generation": 1, "labels": {"app": WEB}},
            "spec": {"replicas": self.replicas, "template": {"spec": {"containers": [container]}}},
            "status": {"observedGeneration": 1, **self.rollout},
        }

    def _workloads(self) -> list[Object]:
        numbers = {"redis": self.redis_pods, "postgres": int(self.database == "standalone"), POOLER: self.pooler_pods}
        if self.is_operated:
            del numbers[POOLER]
        others = [
            {
                "metadata": {"generation": 1, "labels": {"app": app}},
                "spec": {
                    "replicas": number,
                    "template": {"spec": {"containers": [{"name": app, "image": "image"}]}},
                },
            }
            | {"status": {"observedGeneration": 1}}
            for app, number in numbers.items()
            if number
        ]
        return [self._deployment(), *others]

    def _pods(self, app: str) -> list[Object]:
        databases = {"standalone": 1, "cloudnative-pg": 3, "external": 0}[self.database]
        numbers = {WEB: max(self.replicas, self.lingering), "redis": self.redis_pods, POOLER: self.pooler_pods}
        number = numbers.get(app, databases)
        staying = [self._pod(f"{app}-{index}", f"10.1.0.{index + 1}", index < self.starts) for index in range(number)]
        gone = self.leaving if app == WEB else 0
        leaving = [self._pod(f"{app}-leaving-{index}", "10.1.0.9", True) for index in range(gone)]
        for pod in leaving:
            pod["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
        return [*staying, *leaving]

    def _pod(self, name: str, address: str, ready: bool) -> Object:
        state = {"running": {"startedAt": "2026-01-01T00:00:00Z"}} if ready else {"waiting": {"reason": "CrashLoop"}}
        return {
            "metadata": {"name": name},
            "spec": {"nodeName": "node", "initContainers": [{"name": "reload-users", "env": self.reload_environment}]},
            "status": {
                "podIP": address,
                "conditions": [{"type": "Ready", "status": str(ready)}],
                "containerStatuses": [{"name": WEB, "restartCount": 0, "state": state}],
            },
        }

    def python(self, script: str, config: Object) -> Any:
        if script == "http_request.py":
            answered = self.web.answer(config["method"], config["url"], config.get("token", ""), config.get("json"))
            return {"status": answered[0], "body": answered[1], "reason": ""}
        if script == "websocket.py":
            return self.web.websocket(config)
        if script == "redis_access.py":
            return self.subscribers if config["ask"] == "subscribers" else self.redis
        return self.names


@dataclass(frozen=True, kw_only=True)
class FakeKubectl(Kubectl):
    """kubectl on a fake cluster."""

    cluster: FakeCluster

    def run(self, *arguments: str, stdin: str = "", seconds: float = 60) -> str:
        assert seconds > 0
        for argument in arguments:
            assert PASSWORD not in argument, "a secret on a command line"
            assert ADMIN_PASSWORD not in argument, "a secret on a command line"
        return self.cluster.run(arguments, stdin)

    def python(self, pod: str, script: Path, config: Object, *, container: str, seconds: float = 60) -> Any:
        assert pod
        assert container
        assert seconds > 0
        assert script.is_file()
        return self.cluster.python(script.name, config)

    @contextmanager
    def python_running(
        self, pod: str, script: Path, config: Object, *, container: str
    ) -> Iterator[subprocess.Popen[str]]:
        assert pod
        assert container
        assert script.is_file()
        made = int(config["rate"]) if self.cluster.requests is None else self.cluster.requests
        result = {"requests": made, "failures": self.cluster.failed_requests, "sockets": []}
        output = f"import sys; print('begun', flush=True); sys.stdin.read(); print({json.dumps(json.dumps(result))})"
        if self.cluster.load_ends:
            output += f"; sys.exit({self.cluster.load_ends!r})"
        pipe = subprocess.PIPE
        with subprocess.Popen(
            [sys.executable, "-c", output], stdin=pipe, stdout=pipe, stderr=pipe, text=True
        ) as process:
            self.cluster.load = process
            yield process


def _selected(thing: Object, selector: str) -> bool:
    key, equals, value = selector.partition("=")
    labels = thing["metadata"]["labels"]
    return labels.get(key) == value if equals else key in labels
