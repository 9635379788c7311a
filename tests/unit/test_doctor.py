"""`stackctl doctor`: each rule recognizes its row of the troubleshooting page, and every row has a rule or a reason."""

import json
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from stack_config.files import ROOT
from stackctl.deployed.web_pods import RECORD
from stackctl.doctor import report
from stackctl.doctor.evidence import collect
from stackctl.doctor.rules import RULES, Rule, diagnose
from tests.support.unit.command_line import CommandLine, Ended
from tests.support.unit.live_cluster import LiveCluster, live
from tests.support.unit.recording import Recording

PAGE = (ROOT / "docs" / "troubleshooting.md").read_text()

PULUMI = "a message in the terminal of the deployment; the cluster does not keep it"
BROWSER = "shows in the browser or at the identity provider alone"
CONTROLLER = "an answer of the ingress controller, which belongs to the cluster"
NOT_RECOGNIZED = {
    "`the stack is currently locked`": PULUMI,
    "`Attempting to deploy or update resources with 1 pending operations`": PULUMI,
    '`namespaces "rag-system" already exists`': PULUMI,
    "`configured Kubernetes cluster is unreachable`": PULUMI,
    "`failed to parse kubeconfig data in kubernetes:config:kubeconfig`": PULUMI,
    "`unable to replace resource … as it is currently marked for protection`, then a Python traceback that ends in "
    "`KeyboardInterrupt`": PULUMI,
    "The preview prints `Retry #0; creation failed: … already exists`": PULUMI,
    "`… does not serve ServiceMonitor`, or another kind": PULUMI,
    "`pulumi preview --policy-pack policy` reports `policy pack not started`": PULUMI,
    "`conflicts with … using server-side apply` on an update": PULUMI,
    "`Operation cannot be fulfilled on …: the object has been modified`": PULUMI,
    "A manual change is not reverted": "`drift` shows it: the state is needed, not the cluster alone",
    "`pulumi up` waits for the Ingress": PULUMI,
    "`maxmemory … is too much for resources.limits.memory`": PULUMI,
    "`the documents are stored with … dimensions` in a preview": PULUMI,
    "`postgresql.resources.limits.memory … is too little`": PULUMI,
    "`postgresql.maxConnections … is too low`": PULUMI,
    "The index of the documents is IVFFlat and should be HNSW": "a choice that a query in the database would show",
    "A user who signed out is signed in again": BROWSER,
    "502 or 504 from the ingress controller": CONTROLLER,
    "404 for every request through Traefik, since `retryConnections` is `true`": CONTROLLER,
    "413 for an upload": CONTROLLER,
    "A connection of the web pods times out": "the log of Open WebUI has a different line for each client library",
    "An upload through Traefik ends after 60 s with `499`": CONTROLLER,
    "After a change of `openWebui.host` or `publicScheme`, a sign-in by OIDC ends at the old URL": BROWSER,
    "A sign-in by OIDC returns to `http://`": BROWSER,
}


def rows() -> dict[str, tuple[str, str]]:
    """Anchor of the section, and cause, of every row by its symptom."""
    table: dict[str, tuple[str, str]] = {}
    for section in PAGE.split("\n## ")[1:]:
        heading, _, text = section.partition("\n")
        anchor = re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
        for line in text.splitlines():
            if line.startswith("| ") and not line.startswith("| Symptom"):
                symptom, cause, _ = (cell.strip() for cell in line.strip("|").split(" | "))
                table[symptom] = (anchor, cause)
    return table


def test_every_row_has_a_rule_or_a_reason_why_not() -> None:
    symptoms = [rule.symptom for rule in RULES]
    assert len(symptoms) == len(set(symptoms))
    assert sorted([*symptoms, *NOT_RECOGNIZED]) == sorted(rows())


def test_rules_say_what_the_page_says_in_its_order() -> None:
    table = rows()
    assert {rule.symptom: (rule.section, rule.cause) for rule in RULES} == {
        rule.symptom: table[rule.symptom] for rule in RULES
    }
    order = list(table)
    assert [rule.symptom for rule in RULES] == sorted((rule.symptom for rule in RULES), key=order.index)


State = Callable[[LiveCluster], None]


def logged(app: str, line: str, *, index: int = 0) -> State:
    """A pod that has printed a line."""

    def change(cluster: LiveCluster) -> None:
        cluster.logs[f"logs {cluster.pods(app)[index]['metadata']['name']}"] = f"first\n{line}\nlast\n"

    return change


def finished(app: str, line: str, *, at: str = "2026-01-10T02:30:00Z") -> State:
    """A pod of a Job that has printed a line and ended."""

    def change(cluster: LiveCluster) -> None:
        name = f"{app}-{len(cluster.pods(app))}"
        metadata = {"name": name, "labels": {"app": app}, "creationTimestamp": at}
        cluster.objects.append({"kind": "Pod", "metadata": metadata, "spec": {}, "status": {"phase": "Failed"}})
        cluster.logs[f"logs {name}"] = f"{line}\n"

    return change


def preflight(reason: str) -> State:
    """A preflight that has failed."""

    def change(cluster: LiveCluster) -> None:
        job = cluster.one("Job", "open-webui-preflight")
        job["status"] = {"conditions": [{"type": "Failed", "status": "True", "reason": reason}]}

    return change


def both(*changes: State) -> State:
    def change(cluster: LiveCluster) -> None:
        for each in changes:
            each(cluster)

    return change


def waits_for_its_image(cluster: LiveCluster) -> None:
    finished("open-webui-preflight", "")(cluster)
    [pod] = cluster.pods("open-webui-preflight")
    state = {"waiting": {"reason": "ImagePullBackOff"}}
    pod["status"] = {"phase": "Pending", "containerStatuses": [{"name": "preflight", "state": state}]}


def migrates(cluster: LiveCluster) -> None:
    pod = cluster.pods("open-webui")[1]
    state = {"running": {"startedAt": "2026-01-10T02:30:00Z"}}
    pod["status"] = {"phase": "Pending", "initContainerStatuses": [{"name": "migrate", "state": state}]}
    cluster.logs["logs open-webui-1"] = "migrate: Waiting for the database.\nother\n"


def does_not_answer(cluster: LiveCluster) -> None:
    pod = cluster.pods("open-webui")[0]
    pod["status"]["conditions"] = [{"type": "Ready", "status": "False"}]
    [container] = pod["status"]["containerStatuses"]
    container |= {"started": True, "ready": False}


def restore_was_killed(cluster: LiveCluster) -> None:
    deployment = cluster.one("Deployment", "open-webui")
    deployment["metadata"]["annotations"] = {RECORD: "3"}
    deployment["spec"]["replicas"] = 0


def quota_is_exceeded(cluster: LiveCluster) -> None:
    message = 'pods "mine" is forbidden: exceeded quota: quota, requested: limits.cpu=9, used: limits.cpu=8'
    about = {"kind": "ReplicaSet", "name": "mine"}
    cluster.objects.append(
        {"kind": "Event", "metadata": {"name": "e", "labels": {}}, "involvedObject": about, "message": message}
    )


def volume_is_not_bound(cluster: LiveCluster) -> None:
    cluster.pods("postgres")[0]["status"] = {"phase": "Pending"}
    cluster.one("PersistentVolumeClaim", "postgres-data")["status"] = {"phase": "Pending"}


def redis_waits(cluster: LiveCluster) -> None:
    cluster.break_pod("redis", "Error")["status"]["containerStatuses"][0]["state"] = {"running": {}}
    logged("redis", "redis: waiting: redis-1 may have data")(cluster)


def route_is_not_accepted(cluster: LiveCluster) -> None:
    metadata = {"name": "open-webui", "labels": {"app.kubernetes.io/part-of": "open-webui-stack"}}
    spec = {"parentRefs": [{"name": "public"}]}
    cluster.objects.append({"kind": "HTTPRoute", "metadata": metadata, "spec": spec})


STATES: dict[str, tuple[State, str]] = {
    "`Job open-webui-preflight … failed to initialize`": (
        both(preflight("BackoffLimitExceeded"), finished("open-webui-preflight", "preflight: No.")),
        "Job open-webui-preflight failed: No.",
    ),
    "The same with `DeadlineExceeded`, or `ImagePullBackOff` in the error": (
        both(preflight("DeadlineExceeded"), waits_for_its_image),
        "open-webui-preflight-0: ImagePullBackOff",
    ),
    "`There is no bucket …`, `The credentials are not allowed to use the bucket …`, `There is no container …`": (
        finished("open-webui-preflight", "preflight: There is no bucket uploads. Create it"),
        "open-webui-preflight-0: preflight: There is no bucket uploads. Create it",
    ),
    "`The database is at revision …, which Open WebUI … does not know`": (
        finished(
            "open-webui-preflight",
            "preflight: The database is at revision abc, which Open WebUI 0.12.4 does not know: x",
        ),
        "which Open WebUI 0.12.4 does not know: x",
    ),
    "`Second factors are stored that MFA_ENCRYPTION_KEY does not decrypt`": (
        finished(
            "open-webui-preflight",
            "preflight: Second factors are stored that MFA_ENCRYPTION_KEY does not decrypt (1 users)",
        ),
        "MFA_ENCRYPTION_KEY does not decrypt (1 users)",
    ),
    "Web pods stay in `Init`": (migrates, "open-webui-1: migrate is running: Waiting for the database."),
    "A web pod is not ready, and Redis and the network work": (does_not_answer, "open-webui-0: running and not ready"),
    "No web pods after an interrupted `make restore`": (restore_was_killed, f"its annotation {RECORD} is 3"),
    "`exceeded quota: quota` for a pod of your own": (quota_is_exceeded, 'ReplicaSet mine: pods "mine" is forbidden'),
    "`postgres-0` stays `Pending`": (
        volume_is_not_bound,
        "postgres-0 is Pending; PersistentVolumeClaim postgres-data is Pending",
    ),
    "`memory required is … MB, maintenance_work_mem is …` or `could not resize shared memory segment` in the log of "
    "PostgreSQL": (
        logged("postgres", "ERROR:  memory required is 65 MB, maintenance_work_mem is 64 MB"),
        "memory required is 65 MB",
    ),
    "`The volume of the backups is full` in the log of a backup": (
        finished("postgres-backup", "backup: The volume of the backups is full. This dump is not kept"),
        "The volume of the backups is full.",
    ),
    "`command not allowed when used memory > 'maxmemory'` in the log": (
        logged("open-webui", "redis.exceptions.OutOfMemoryError: command not allowed when used memory > 'maxmemory'."),
        "OutOfMemoryError: command not allowed",
    ),
    "A Redis server with Sentinels does not start, and its log contains `waiting:`": (
        redis_waits,
        "redis-0: redis: waiting: redis-1 may have data",
    ),
    "The page loads, but the websocket does not (403)": (
        logged("open-webui", "https://other.example.com is not an accepted origin. (further occurrences …)"),
        "https://other.example.com is not an accepted origin.",
    ),
    "`make verify`: no controller has accepted the HTTPRoute": (
        route_is_not_accepted,
        "HTTPRoute open-webui: no controller has accepted it for Gateway public",
    ),
    "No name resolves in the pods": (
        logged("open-webui", "socket.gaierror: [Errno -3] Temporary failure in name resolution"),
        "Temporary failure in name resolution",
    ),
}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.symptom[:40])
def test_each_rule_recognizes_its_symptom_alone(prod: Recording, rule: Rule) -> None:
    change, observed = STATES[rule.symptom]
    cluster = live(prod)
    change(cluster)
    [diagnosis] = diagnose(collect(cluster.stack))
    assert diagnosis.rule.symptom == rule.symptom
    assert observed in "\n".join(diagnosis.observed)
    assert not any(call[0] not in ("get", "logs", "api-resources") for call in cluster.calls)


def test_a_healthy_stack_has_no_symptom(recording: Recording) -> None:
    cluster = live(recording)
    assert diagnose(collect(cluster.stack)) == []


def test_a_start_that_takes_its_time_is_not_a_symptom(prod: Recording) -> None:
    cluster = live(prod)
    migrates(cluster)
    evidence = collect(cluster.stack)
    assert len(diagnose(evidence)) == 1
    started = datetime(2026, 1, 10, 2, 30, tzinfo=UTC)
    assert diagnose(replace(evidence, at=started + timedelta(seconds=50))) == []


def test_a_backup_that_succeeded_later_ends_the_symptom(prod: Recording) -> None:
    cluster = live(prod)
    full = "backup: The volume of the backups is full. This dump is not kept"
    finished("postgres-backup", full, at="2026-01-09T02:30:00Z")(cluster)
    assert len(diagnose(collect(cluster.stack))) == 1
    finished("postgres-backup", "backup: Kept as a.dump.", at="2026-01-10T02:30:00Z")(cluster)
    assert diagnose(collect(cluster.stack)) == []


def test_the_log_of_the_container_before_a_restart_is_read(prod: Recording) -> None:
    cluster = live(prod)
    cluster.break_pod("open-webui", "CrashLoopBackOff")
    collect(cluster.stack)
    previous = [call for call in cluster.calls if "--previous" in call]
    assert [call[1] for call in previous] == ["open-webui-0"]


MESSAGES = {
    "There is no bucket ": "components/open_webui/files/startup",
    "The credentials are not allowed to use the bucket ": "components/open_webui/files/startup",
    "There is no container ": "components/open_webui/files/startup",
    "The database is at revision ": "components/open_webui/files/startup",
    "Second factors are stored that MFA_ENCRYPTION_KEY does not decrypt": "components/open_webui/files/startup",
    "The volume of the backups is full": "components/backup/files",
    "waiting: ": "components/redis/files",
}


@pytest.mark.parametrize("message", MESSAGES)
def test_the_messages_are_those_of_the_programs(message: str) -> None:
    rules = (ROOT / "stackctl" / "doctor" / "rules.py").read_text()
    assert message in rules
    files = [file for file in (ROOT / MESSAGES[message]).rglob("*") if file.suffix in (".py", ".sh")]
    assert [file for file in files if message in file.read_text()]


Show = Callable[..., Ended]


@pytest.fixture
def show(stackctl: CommandLine, monkeypatch: pytest.MonkeyPatch) -> Show:
    """Function that runs the command on a cluster."""

    def run_command(cluster: LiveCluster, *arguments: str) -> Ended:
        monkeypatch.setattr(report, "find_stack", lambda _: cluster.stack)
        return stackctl("doctor", *arguments)

    return run_command


def test_a_symptom_is_printed_with_its_cause_fix_and_page(show: Show, prod: Recording) -> None:
    cluster = live(prod)
    volume_is_not_bound(cluster)
    ended = show(cluster)
    assert ended.code == 2
    assert [line.strip() for line in ended.out.splitlines()] == [
        "`postgres-0` stays `Pending`",
        "observed  postgres-0 is Pending; PersistentVolumeClaim postgres-data is Pending",
        "cause     The PersistentVolumeClaim is not bound.",
        "to do     kubectl --context=mine -n rag-system describe pvc postgres-data",
        "page      docs/troubleshooting.md#database-and-backups",
    ]
    assert ended.err.splitlines()[-1] == "1 known symptom shows"


def test_without_a_symptom_it_says_where_to_look(show: Show, prod: Recording) -> None:
    ended = show(live(prod), "--env", "prod")
    assert ended.code == 0
    assert ended.out.strip() == (
        "No known symptom shows. See also: stackctl status --env prod, and docs/troubleshooting.md"
    )


def test_programs_read_json_without_secrets(show: Show, prod: Recording) -> None:
    cluster = live(prod)
    secret = "redis://openwebui:generated-Password-2@redis-service:6379/0"
    logged("open-webui", f"command not allowed when used memory > 'maxmemory' at {secret}")(cluster)
    ended = show(cluster, "--json")
    document: dict[str, Any] = json.loads(ended.out)
    [diagnosis] = document["diagnoses"]
    assert (ended.code, document["simulated"]) == (2, False)
    assert diagnosis["page"] == "docs/troubleshooting.md#redis"
    assert "command not allowed" in diagnosis["observed"][0]
    assert "generated-Password-2" not in ended.out


def test_simulated_pods_have_no_logs(show: Show, dev: Recording) -> None:
    cluster = live(dev, simulated=True)
    volume_is_not_bound(cluster)
    ended = show(cluster)
    assert "Pods are simulated here: no container runs: there are no logs." in ended.out
    assert "`postgres-0` stays `Pending`" in ended.out
    assert not any(call[0] == "logs" for call in cluster.calls)
