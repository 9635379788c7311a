"""Each policy on the stack's own objects, which keep to it, and on the same objects with one thing made wrong."""

from collections.abc import Callable
from copy import deepcopy
from typing import Any

import pytest

from policy.rules import RULES
from policy.rules.network import ALLOW_EXPOSURE
from policy.rules.objects import Unknown
from policy.rules.rule import Context, Level, findings
from stack_config.files import read_stack
from stackctl.render.manifests import planned_objects

Objects = dict[str, dict[str, Any]]
Change = Callable[[Objects], Any]


@pytest.fixture(scope="module")
def rendered() -> dict[str, list[dict[str, Any]]]:
    return {e: planned_objects(read_stack(e, ["kubeContext=a", "tika.replicas=2"]), e) for e in ("dev", "prod")}


@pytest.fixture
def stack(rendered: dict[str, list[dict[str, Any]]]) -> Objects:
    """The objects of `prod` by kind and name, for a test of its own."""
    return {f"{item['kind']}/{item['metadata']['name']}": deepcopy(item) for item in rendered["prod"]}


def found(stack: Objects, *, production: bool = True) -> list[tuple[str, str]]:
    """Names of the violated rules, and the messages."""
    seen = findings(RULES, list(stack.values()), Context(production=production))
    return [(finding.rule.name, str(finding)) for finding in seen]


def pod(stack: Objects, workload: str = "Deployment/open-webui") -> Any:
    return stack[workload]["spec"]["template"]["spec"]


def container(stack: Objects, workload: str = "Deployment/open-webui") -> Any:
    return pod(stack, workload)["containers"][0]


def strict_pod(stack: Objects) -> Any:
    """A pod each of whose containers says for itself what the pod says for them."""
    spec = pod(stack)
    for each in (*spec["containers"], *spec["initContainers"]):
        each["securityContext"] |= {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}
    return spec


def template(stack: Objects) -> Any:
    return stack["Deployment/open-webui"]["spec"]["template"]


def init_container(stack: Objects) -> Any:
    return next(each for each in pod(stack)["initContainers"] if each["name"] == "migrate")


def sidecar(stack: Objects) -> Any:
    return next(each for each in pod(stack, "Deployment/redis")["initContainers"] if "restartPolicy" in each)


LATEST = {"pod-security.kubernetes.io/enforce": "restricted"}


def assign(path: str, value: object, of: Callable[[Objects], Any]) -> Change:
    """Sets what is at a path, parts that are not there made."""

    def change(stack: Objects) -> None:
        target = of(stack)
        *parents, last = path.split(".")
        for parent in parents:
            target = target.setdefault(parent, {})
        target[last] = value

    return change


def delete(path: str, of: Callable[[Objects], Any]) -> Change:
    def change(stack: Objects) -> None:
        target = of(stack)
        *parents, last = path.split(".")
        for parent in parents:
            target = target[parent]
        del target[last]

    return change


def append(path: str, value: object, of: Callable[[Objects], Any]) -> Change:
    def change(stack: Objects) -> None:
        target = of(stack)
        *parents, last = path.split(".")
        for parent in parents:
            target = target.setdefault(parent, {})
        target.setdefault(last, []).append(value)

    return change


def item(label: str) -> Callable[[Objects], Any]:
    return lambda stack: stack[label]


def env(name: str, value: str) -> Change:
    return append("env", {"name": name, "value": value}, container)


def one_replica(stack: Objects) -> None:
    """Without an autoscaler, and with a budget that lets the one go."""
    stack.pop("HorizontalPodAutoscaler/open-webui")
    stack["Deployment/open-webui"]["spec"]["replicas"] = 1
    stack["PodDisruptionBudget/open-webui"]["spec"]["maxUnavailable"] = 1


NETWORK, BUDGET, PEERS = "network-policies-cover-pods", "production-budgets", "network-policies-name-peers"
SIZED = {
    "resources": {side: {"cpu": "1", "memory": "1Mi", "ephemeral-storage": "1Mi"} for side in ("requests", "limits")}
}
SERVICE = item("Service/open-webui")
DEPLOYMENT = item("Deployment/open-webui")
CONFIG = item("ConfigMap/redis-conf")
POD_BUDGET = item("PodDisruptionBudget/open-webui")

WRONG: list[tuple[str, Change, str]] = [
    ("pod-security-restricted", assign("hostNetwork", True, pod), "hostNetwork"),
    ("pod-security-restricted", assign("hostPID", True, pod), "hostPID"),
    ("pod-security-restricted", assign("hostIPC", True, pod), "hostIPC"),
    ("pod-security-restricted", append("volumes", {"name": "x", "hostPath": {"path": "/"}}, pod), "hostPath"),
    ("pod-security-restricted", append("securityContext.sysctls", {"name": "kernel.msgmax"}, pod), "kernel.msgmax"),
    ("pod-security-restricted", assign("securityContext.runAsUser", 0, pod), "runAsUser"),
    ("pod-security-restricted", delete("securityContext.runAsNonRoot", pod), "runAsNonRoot"),
    ("pod-security-restricted", delete("securityContext.seccompProfile", pod), "seccompProfile"),
    ("pod-security-restricted", assign("securityContext.privileged", True, container), "privileged"),
    ("pod-security-restricted", delete("securityContext.allowPrivilegeEscalation", container), "allowPrivilege"),
    ("pod-security-restricted", assign("securityContext.runAsNonRoot", False, container), "runAsNonRoot"),
    ("pod-security-restricted", assign("securityContext.runAsUser", 0, container), "runAsUser"),
    ("pod-security-restricted", assign("securityContext.capabilities.drop", ["KILL"], container), "drop ALL"),
    ("pod-security-restricted", assign("securityContext.capabilities.add", ["SYS_TIME"], container), "SYS_TIME"),
    ("pod-security-restricted", assign("securityContext.procMount", "Unmasked", container), "procMount"),
    ("pod-security-restricted", assign("securityContext.seLinuxOptions", {"user": "x"}, container), "seLinux"),
    ("pod-security-restricted", assign("securityContext.appArmorProfile.type", "Unconfined", pod), "appArmor"),
    ("pod-security-restricted", assign("securityContext.seccompProfile.type", "Unconfined", container), "seccomp"),
    ("pod-security-restricted", append("ports", {"containerPort": 1, "hostPort": 1}, container), "hostPort 1"),
    ("pod-security-restricted", assign("livenessProbe.httpGet.host", "10.0.0.1", container), "name a host"),
    ("pod-security-restricted", assign("livenessProbe.tcpSocket.host", "10.0.0.1", container), "name a host"),
    ("pod-security-restricted", assign("startupProbe.httpGet.host", "10.0.0.1", container), "name a host"),
    ("pod-security-restricted", assign("readinessProbe.httpGet.host", "10.0.0.1", container), "name a host"),
    ("pod-security-restricted", assign("lifecycle.preStop.httpGet.host", "10.0.0.1", container), "name a host"),
    ("pod-security-restricted", assign("lifecycle.postStart.tcpSocket.host", "10.0.0.1", container), "name a host"),
    ("pod-security-restricted", delete("securityContext", init_container), "container migrate: "),
    # Upstream: a bad value of the pod is one, whatever its containers say.
    ("pod-security-restricted", assign("securityContext.runAsNonRoot", False, strict_pod), "runAsNonRoot must not be"),
    (
        "pod-security-restricted",
        assign("securityContext.seccompProfile.type", "Unconfined", strict_pod),
        "seccompProfile must be RuntimeDefault",
    ),
    ("pod-security-restricted", assign("securityContext.seccompProfile", {}, strict_pod), "seccompProfile must be"),
    ("pod-security-restricted", assign("securityContext.seLinuxOptions.role", "x", pod), "seLinux"),
    ("pod-security-restricted", assign("securityContext.seLinuxOptions.type", "spc_t", pod), "seLinux"),
    ("pod-security-restricted", assign("securityContext.windowsOptions.hostProcess", True, pod), "hostProcess"),
    ("pod-security-restricted", assign("securityContext.windowsOptions.hostProcess", True, container), "hostProcess"),
    ("pod-security-restricted", assign("securityContext.appArmorProfile.type", "Unconfined", container), "appArmor"),
    (
        "pod-security-restricted",
        assign("metadata.annotations", {"container.apparmor.security.beta.kubernetes.io/x": "unconfined"}, template),
        "AppArmor must not be switched off",
    ),
    (
        "pod-security-restricted",
        append("ephemeralContainers", {"name": "debug", "image": "x:1"} | SIZED, pod),
        "debug: ",
    ),
    ("pod-security-restricted", append("volumes", {"name": "x", "nfs": {"server": "x"}}, pod), "nfs is not allowed"),
    ("no-service-account-token", delete("automountServiceAccountToken", pod), "automountServiceAccountToken"),
    ("no-service-account-token", assign("automountServiceAccountToken", True, pod), "automountServiceAccountToken"),
    (
        "no-service-account-token",
        append("volumes", {"name": "t", "projected": {"sources": [{"serviceAccountToken": {"path": "t"}}]}}, pod),
        "volume t: it has a token",
    ),
    ("namespace-enforces-pod-security", assign("metadata.labels", {}, item("Namespace/rag-system")), "not enforce"),
    ("namespace-enforces-pod-security", assign("metadata.labels", LATEST, item("Namespace/rag-system")), "the cluster"),
    ("no-plain-secrets", env("DATABASE_PASSWORD", "hunter2"), "variable DATABASE_PASSWORD"),
    ("no-plain-secrets", env("PGPASSWORD", "hunter2"), "variable PGPASSWORD"),
    ("no-plain-secrets", env("REDISCLI_AUTH", "hunter2"), "variable REDISCLI_AUTH"),
    ("no-plain-secrets", env("OPENAI_API_KEYS", "hunter2;hunter2"), "variable OPENAI_API_KEYS"),
    ("no-plain-secrets", env("SMTP_PASS", "hunter2"), "variable SMTP_PASS"),
    ("no-plain-secrets", env("dbPassword", "hunter2"), "variable dbPassword"),
    ("no-plain-secrets", env("X", "pul-" + "0a" * 20), "variable X"),
    ("no-plain-secrets", env("S3", "AKIAIOSFODNN7EXAMPLE"), "variable S3"),
    ("no-plain-secrets", env("CACHE", "redis://default:hunter2@redis:6379/0"), "variable CACHE"),
    (
        "no-plain-secrets",
        append("env", {"name": "API_KEY", "value": "x"}, init_container),
        "container migrate: variable API_KEY",
    ),
    ("no-plain-secrets", assign("metadata.annotations.token", "abc", DEPLOYMENT), "annotation token"),
    (
        "no-plain-secrets",
        assign("spec.template.metadata.annotations.note", "ghp_" + "a1" * 18, DEPLOYMENT),
        "pod: annotation note",
    ),
    ("no-plain-secrets", assign("metadata.annotations.hint", "sk-" + "a1" * 12, item("Secret/redis-acl")), "hint"),
    ("no-plain-secrets", assign("data", {"password": "hunter2"}, CONFIG), "data password"),
    ("no-plain-secrets", assign("data", {"redis.conf": "requirepass hunter2\n"}, CONFIG), "sets requirepass"),
    ("no-plain-secrets", assign("data", {"app.ini": "[db]\ndb_password = hunter2\n"}, CONFIG), "sets db_password"),
    (
        "no-plain-secrets",
        assign("data", {"a.json": '{"x": 1, "db": {"password": "hunter2"}}'}, CONFIG),
        "sets password",
    ),
    ("no-plain-secrets", assign("data", {"a.json": '{\n  "apiKey": "hunter2",\n}'}, CONFIG), "sets apiKey"),
    ("no-plain-secrets", assign("data", {"users.acl": "user web on >hunter2 ~* +@all\n"}, CONFIG), "sets user"),
    ("no-plain-secrets", assign("data", {"s.conf": "sentinel auth-pass main hunter2\n"}, CONFIG), "sets auth-pass"),
    ("no-plain-secrets", assign("data", {"r.conf": "masterauth hunter2\n"}, CONFIG), "sets masterauth"),
    ("no-plain-secrets", assign("binaryData", {"password": "aHVudGVyMg=="}, CONFIG), "binaryData password"),
    ("no-plain-secrets", assign("data", {"key": "-----BEGIN RSA PRIVATE KEY-----\nx"}, CONFIG), "data key"),
    ("no-plain-secrets", append("command", "--password=hunter2", container), "the flag --password"),
    ("no-plain-secrets", assign("args", ["--api-key", "hunter2"], container), "the flag --api-key"),
    ("no-plain-secrets", assign("args", ["redis-server", "--requirepass", "hunter2"], container), "--requirepass"),
    ("no-plain-secrets", assign("args", ["redis-cli", "-a", "hunter2", "ping"], container), "the flag -a"),
    ("no-plain-secrets", assign("args", ["sh", "-c", "exec run --password hunter2"], container), "the flag --password"),
    ("no-plain-secrets", assign("args", ["sh", "-c", "x; redis-cli -a 'hunter2' ping"], container), "the flag -a"),
    ("no-plain-secrets", assign("args", ["get", "https://me:hunter2@x/"], container), "the form of a secret"),
    ("no-plain-secrets", assign("args", ["sh", "-c", "TOKEN=hunter2 run"], container), "the assignment to TOKEN"),
    (
        "no-plain-secrets",
        assign("livenessProbe", {"exec": {"command": ["pg", "--password", "hunter2"]}}, container),
        "probe or hook",
    ),
    ("no-plain-secrets", assign("spec.rules", ["https://me:hunter2@x/"], item("Ingress/open-webui")), "spec.rules[0]"),
    ("image-version", assign("image", "redis", container), "has no tag"),
    ("image-version", assign("image", "registry:5000/redis", container), "has no tag"),
    ("image-version", assign("image", "redis:latest", container), "latest"),
    ("image-version", assign("image", "redis:latest", init_container), "container migrate"),
    (
        "image-version",
        append("volumes", {"name": "model", "image": {"reference": "models/llama"}}, pod),
        "volume model: its image has no tag",
    ),
    ("resources-set", delete("resources.requests.ephemeral-storage", container), "no requests of ephemeral-storage"),
    ("resources-set", delete("resources.limits", container), "no limits of memory, ephemeral-storage"),
    ("resources-set", delete("resources", init_container), "container migrate"),
    ("probes-set", delete("livenessProbe", container), "no livenessProbe"),
    ("probes-set", delete("readinessProbe", container), "no readinessProbe"),
    ("probes-set", assign("ports", [{"containerPort": 8080}], sidecar), "reload-users: no readinessProbe"),
    ("probes-differ", lambda s: container(s).update(livenessProbe=container(s)["readinessProbe"]), "as soon as"),
    ("service-not-exposed", assign("spec.type", "LoadBalancer", SERVICE), "LoadBalancer"),
    ("service-not-exposed", assign("spec.type", "NodePort", SERVICE), "NodePort"),
    ("service-not-exposed", assign("spec.externalIPs", ["192.0.2.1"], SERVICE), "external addresses"),
    (NETWORK, lambda s: [s.pop(f"NetworkPolicy/{name}") for name in ("default-deny", "redis")], "Deployment/redis"),
    (
        NETWORK,
        lambda s: [
            s.pop("NetworkPolicy/default-deny"),
            assign("spec.policyTypes", ["Ingress"], item("NetworkPolicy/redis"))(s),
        ],
        "for egress",
    ),
    (PEERS, append("spec.ingress", {"ports": [{"port": 6379}]}, item("NetworkPolicy/redis")), "allows all of them"),
    (PEERS, append("spec.egress", {"to": []}, item("NetworkPolicy/redis")), "for egress names no peers"),
    (
        PEERS,
        append("spec.ingress", {"from": [{"namespaceSelector": {}}]}, item("NetworkPolicy/redis")),
        "every namespace",
    ),
    (
        PEERS,
        append("spec.egress", {"to": [{"ipBlock": {"cidr": "0.0.0.0/0"}}]}, item("NetworkPolicy/redis")),
        "address",
    ),
    (PEERS, append("spec.egress", {"to": [{"ipBlock": {"cidr": "::/0"}}]}, item("NetworkPolicy/redis")), "address"),
    ("production-replicas", assign("spec.minReplicas", 1, item("HorizontalPodAutoscaler/open-webui")), "1 replica"),
    ("production-replicas", one_replica, "1 replica in production"),
    (BUDGET, lambda s: s.pop("PodDisruptionBudget/postgres"), "StatefulSet/postgres: no PodDisruptionBudget"),
    (BUDGET, assign("spec.maxUnavailable", 3, POD_BUDGET), "all 3 pods"),
    (BUDGET, delete("spec.selector", POD_BUDGET), "Deployment/open-webui: no PodDisruptionBudget"),
    (BUDGET, assign("spec.maxUnavailable", "70%", POD_BUDGET), "all 3 pods"),
    (BUDGET, assign("spec.maxUnavailable", 0, POD_BUDGET), "waits forever"),
    (BUDGET, assign("spec", {"minAvailable": 3, "selector": {}}, POD_BUDGET), "waits forever"),
]

RIGHT: list[Change] = [
    assign("image", "redis@sha256:" + "0" * 64, container),
    assign("image", Unknown("x"), container),
    assign("image", "registry:5000/redis:7.4", container),
    assign("stringData", {"key": "sk-" + "a1" * 12, "url": "redis://me:hunter2@redis"}, item("Secret/redis-acl")),
    env("PASSWORD_FILE", "/run/secrets/password"),
    env("SECRET_NAME", "redis-config"),
    env("DATABASE_PASSWORD", "$(OTHER)"),
    env("DATABASE_PASSWORD", ""),
    env("MAX_TOKENS", "4096"),
    env("DATABASE_PASSWORD", Unknown("x")),
    env("EXAMPLE", "postgresql://USER:PASSWORD@HOST/DATABASE"),
    assign("args", ["--password-file", "/run/secrets/password"], container),
    assign("args", ["--password", "$PASSWORD"], container),
    assign("data", {"redis.conf": "aclfile /etc/redis/users.acl\nmaxmemory 1gb\n"}, CONFIG),
    assign("data", {"app.ini": "password = ${PASSWORD}\n"}, CONFIG),
    assign("securityContext.capabilities.add", ["NET_BIND_SERVICE"], container),
    delete("securityContext.runAsNonRoot", strict_pod),
    delete("securityContext.seccompProfile", strict_pod),
    assign("securityContext.seccompProfile.type", "Localhost", pod),
    assign("securityContext.seLinuxOptions", {"type": "container_t", "level": "s0:c1"}, pod),
    assign("securityContext.appArmorProfile.type", "Localhost", pod),
    assign("securityContext.procMount", "Default", container),
    append("securityContext.sysctls", {"name": "net.ipv4.tcp_syncookies", "value": "1"}, pod),
    append("ports", {"containerPort": 1, "hostPort": 0}, container),
    append("volumes", {"name": "x", "ephemeral": {"volumeClaimTemplate": {}}}, pod),
    append("volumes", {"name": "x", "projected": {"sources": [{"configMap": {"name": "x"}}]}}, pod),
    append("volumes", {"name": "x", "csi": {"driver": "secrets-store.csi.k8s.io"}}, pod),
    append("volumes", {"name": "x", "image": {"reference": "models/llama:3.1"}}, pod),
    append(
        "volumes",
        {"name": "t", "projected": {"sources": [{"serviceAccountToken": {"path": "t", "audience": "vault"}}]}},
        pod,
    ),
    assign(
        "metadata.annotations", {"nginx.ingress.kubernetes.io/auth-secret": "basic-auth"}, item("Ingress/open-webui")
    ),
    assign("args", ["redis-cli", "-a", "$PASSWORD", "ping"], container),
    assign("args", ["sh", "-c", 'exec run --password "$PASSWORD"'], container),
    assign("args", ["tar", "-a", "-cf", "x"], container),
    env("PWD", "/srv"),
    env("BYPASS", "yes"),
    assign("data", {"a.json": '{"passwordFile": "/x", "token": "$TOKEN"}'}, CONFIG),
    assign("data", {"users.acl": "user web on #" + "0a" * 32 + " ~* +@all\n"}, CONFIG),
    append(
        "spec.egress",
        {"to": [{"ipBlock": {"cidr": "0.0.0.0/0", "except": ["10.0.0.0/8"]}}]},
        item("NetworkPolicy/redis"),
    ),
    append("spec.ingress", {"from": [{"podSelector": {}}]}, item("NetworkPolicy/redis")),
    lambda s: [
        assign("spec.type", "LoadBalancer", SERVICE)(s),
        assign("metadata.annotations", {ALLOW_EXPOSURE: "no ingress controller here"}, SERVICE)(s),
    ],
    assign("spec.maxUnavailable", "34%", POD_BUDGET),
    assign("spec", {"minAvailable": 2, "selector": {"matchLabels": {"app": "open-webui"}}}, POD_BUDGET),
    assign("spec.replicas", 1, item("Deployment/redis")),
    lambda s: [s.pop("HorizontalPodAutoscaler/open-webui"), assign("spec.replicas", Unknown("x"), DEPLOYMENT)(s)],
]


@pytest.mark.parametrize("environment", ["dev", "prod"])
def test_the_stack_keeps_to_every_policy(rendered: dict[str, list[dict[str, Any]]], environment: str) -> None:
    assert len(rendered[environment]) > 25
    for production in (False, True):
        assert findings(RULES, rendered[environment], Context(production=production)) == []


@pytest.mark.parametrize(("rule", "change", "hint"), WRONG, ids=[f"{rule}: {hint}" for rule, _, hint in WRONG])
def test_what_is_wrong_is_found(stack: Objects, rule: str, change: Change, hint: str) -> None:
    change(stack)
    seen = found(stack)
    assert seen
    assert {name for name, _ in seen} == {rule}
    assert any(hint in message for _, message in seen)
    assert "hunter2" not in "".join(message for _, message in seen)


@pytest.mark.parametrize("change", RIGHT, ids=range(len(RIGHT)))
def test_what_is_right_is_not(stack: Objects, change: Change) -> None:
    change(stack)
    assert found(stack) == []


def test_every_rule_has_a_case_and_says_what_to_do() -> None:
    assert {rule.name for rule in RULES} == {rule for rule, _, _ in WRONG}
    assert len({rule.name for rule in RULES}) == len(RULES) >= 11
    for rule in RULES:
        assert rule.description.endswith("."), rule.name
        assert rule.remedy.endswith((".", ">.")), rule.name
    assert {rule.name for rule in RULES if rule.level is Level.ADVISORY} == {"probes-differ"}


def test_the_rules_of_production_are_for_production(stack: Objects) -> None:
    stack.pop("PodDisruptionBudget/open-webui")
    assign("spec.minReplicas", 1, item("HorizontalPodAutoscaler/open-webui"))(stack)
    assert len(found(stack)) == 2
    assert found(stack, production=False) == []


@pytest.mark.parametrize(
    ("expression", "covered"),
    [
        ({"key": "app", "operator": "In", "values": ["redis", "postgres", "open-webui"]}, True),
        ({"key": "app", "operator": "NotIn", "values": ["redis"]}, False),
        ({"key": "app", "operator": "Exists"}, True),
        ({"key": "app", "operator": "DoesNotExist"}, False),
    ],
)
def test_selectors_with_expressions(stack: Objects, expression: dict[str, Any], covered: bool) -> None:
    for name in ("redis", "postgres", "open-webui"):
        stack.pop(f"NetworkPolicy/{name}")
    stack["NetworkPolicy/default-deny"]["spec"]["podSelector"] = {"matchExpressions": [expression]}
    assert (found(stack) == []) is covered
