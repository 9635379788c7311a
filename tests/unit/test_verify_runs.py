"""Runs of `make verify` that are stopped, killed or beside one another, what it is told to look at, and how it ends."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from devcluster.clusters import kwok
from host.directories import CACHE_VARIABLE, environment_directory
from stackctl.deployed import runs, scaling, target
from stackctl.deployed.check import CannotRunError
from stackctl.deployed.kubectl import Kubectl, KubectlError
from stackctl.deployed.runs import LABEL, LONGEST_RUN_SECONDS, Run, is_orphaned, this_run
from stackctl.options import Target
from stackctl.verify import client_pod, report
from stackctl.verify import run as verification
from stackctl.verify.checks import all_checks
from stackctl.verify.guest import DOMAIN, guest
from stackctl.verify.scripts import SCRIPTS
from stackctl.verify.visit import Visit
from stackctl.verify.web_api import WebApi
from terminal.errors import LocalError, UsageError
from tests.support.unit.command_line import CommandLine
from tests.support.unit.verify_cluster import ADMIN, ADMIN_PASSWORD, PASSWORD, FakeCluster


def run_of(process: int, *, host: str = "", age: float = 0) -> str:
    return str(Run(host or this_run().host, process, int(time.time() - age)))


@pytest.fixture(scope="module")
def killed() -> str:
    """A run of this machine whose process is gone."""
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        pass
    return run_of(process.pid)


def test_whose_process_is_gone_is_over_and_of_another_machine_only_the_age_is_known(killed: str) -> None:
    assert is_orphaned(killed)
    assert not is_orphaned(str(this_run()))
    assert not is_orphaned(run_of(1))
    gone = int(killed.split(".")[1])
    assert not is_orphaned(run_of(gone, host="another"))
    assert is_orphaned(run_of(gone, host="another", age=LONGEST_RUN_SECONDS + 1))
    assert is_orphaned(run_of(os.getpid(), age=LONGEST_RUN_SECONDS + 1))
    assert is_orphaned("by-hand")


def test_a_run_is_the_value_of_a_label(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("socket.gethostname", lambda: "A_very.long-" * 10)
    value = str(Run(runs._host(), 4194304, 2**33))
    assert len(value) <= 63
    assert runs._FORM.fullmatch(value)


def labelled(cluster: FakeCluster, name: str, run: str) -> None:
    cluster.objects["Pod", name] = {"kind": "Pod", "metadata": {"name": name, "labels": {LABEL: run}}}


def test_only_the_pods_of_a_killed_run_are_removed(killed: str) -> None:
    cluster = FakeCluster()
    labelled(cluster, "killed", killed)
    labelled(cluster, "at-work", run_of(1))
    client_pod.remove_orphans(cluster.stack.kubectl)
    assert cluster.left() == ["at-work"]


def test_only_the_accounts_of_a_killed_run_are_removed(killed: str) -> None:
    cluster = FakeCluster()
    others = {f"{run_of(1)}@{DOMAIN}", f"{killed}@example.com"}
    cluster.web.accounts |= dict.fromkeys((f"{killed}@{DOMAIN}", *others), "password")
    web = WebApi(stack=cluster.stack, client="client", url="http://10.1.0.1:8080")
    with guest(web, cluster.stack.administrator()) as account:
        assert cluster.web.accounts.keys() == {ADMIN, account.email, *others}
        assert account.email.startswith(str(this_run()))
    assert cluster.web.accounts.keys() == {ADMIN, *others}


def scale(run: str) -> dict[str, str]:
    return {scaling.RECORD: json.dumps({"run": run, "replicas": 2, "minimum": None})}


def test_the_scale_of_a_killed_run_is_restored(killed: str) -> None:
    cluster = FakeCluster(replicas=3, annotations=scale(killed))
    scaling.restore_orphaned(cluster.stack)
    assert (cluster.wants, cluster.annotations) == ([2], {})
    scaling.restore_orphaned(cluster.stack)
    assert cluster.wants == [2]


def test_the_scale_of_a_run_that_is_at_work_is_left_alone() -> None:
    cluster = FakeCluster(replicas=3, annotations=scale(run_of(1)))
    scaling.restore_orphaned(cluster.stack)
    with (
        pytest.raises(CannotRunError, match="another run is changing the replica count"),
        scaling.one_more(cluster.stack),
    ):
        pass
    assert cluster.wants == []


@pytest.mark.parametrize("path", ["/health", "/auths/signin", "/auths/add", "/chats/new", "/event", "/signout"])
def test_whenever_it_is_stopped_it_takes_away_what_it_has_made(path: str) -> None:
    cluster = FakeCluster()
    cluster.web.interrupted_at = path
    with pytest.raises(KeyboardInterrupt):
        verification._run(cluster.stack, Visit())
    assert cluster.web.interrupted_at == "", "nothing was stopped"
    assert cluster.left() == []


Verify = Callable[..., tuple[int, str, str]]


@pytest.fixture
def verify(monkeypatch: pytest.MonkeyPatch, stackctl: CommandLine) -> Verify:
    """Function that runs the command on a cluster; exit code, standard output and errors."""

    def run(cluster: FakeCluster, *arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(verification, "find_stack", lambda _: cluster.stack)
        ended = stackctl("verify", *arguments)
        return ended.code, ended.out, ended.err

    return run


def test_the_exit_code_tells_whether_something_fails(verify: Verify) -> None:
    code, table, _ = verify(FakeCluster())
    assert code == 0
    assert table.splitlines()[-1] == "17 passed, 0 failed, 0 cannot run here"
    code, table, _ = verify(FakeCluster(pong="[NOAUTH]"))
    assert code == 1
    assert "redis-cli ping answers '[NOAUTH]' in redis-0" in table
    assert "look at: kubectl --context=mine -n rag-system logs -l app=redis" in table
    code, table, _ = verify(FakeCluster(node_annotations={"kwok.x-k8s.io/node": "fake"}))
    assert code == 0
    assert "7 passed, 0 failed, 10 cannot run here (neither passed nor failed; all that can run passes)" in table


def test_what_programs_read_is_json_without_secrets(verify: Verify) -> None:
    code, printed, _ = verify(FakeCluster(failed_requests=[{"what": "status 502"}]), "--json")
    document = json.loads(printed)
    assert (code, document["passed"], document["failed"], document["cannot_run"]) == (1, 16, 1, 0)
    assert (document["context"], document["namespace"]) == ("mine", "rag-system")
    [failed] = [check for check in document["checks"] if check["outcome"] == "fail"]
    assert failed["check"] == "no request fails meanwhile"
    assert PASSWORD not in printed
    assert ADMIN_PASSWORD not in printed


def test_what_a_killed_run_has_left_goes_before_the_checks(verify: Verify, killed: str) -> None:
    cluster = FakeCluster(replicas=3, annotations=scale(killed))
    labelled(cluster, "killed", killed)
    assert verify(cluster)[0] == 0
    assert cluster.wants == [2, 3, 2]
    assert cluster.left() == []
    # Where no check makes a pod, too.
    cluster = FakeCluster(node_annotations={"kwok.x-k8s.io/node": "fake"})
    labelled(cluster, "killed", killed)
    assert verify(cluster)[0] == 0
    assert cluster.left() == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_to_stop_ends_it_in_order(verify: Verify, monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    cluster = FakeCluster()
    before = signal.signal(number, signal.SIG_DFL)
    monkeypatch.setattr(report, "run", lambda *_: os.kill(os.getpid(), number))
    try:
        code, _, errors = verify(cluster)
    finally:
        signal.signal(number, before)
    assert code == 130
    assert "stopping: removing what was created in the cluster" in errors
    assert errors.splitlines()[-1].startswith("interrupted.")


def test_an_administrator_needs_a_password(verify: Verify, tmp_path: Path) -> None:
    assert verify(FakeCluster(), "--admin-email", ADMIN)[::2] == (2, "--admin-email needs --admin-password-file\n")
    code, _, errors = verify(FakeCluster(), "--admin-password-file", str(tmp_path / "none"))
    assert (code, errors) == (2, f"--admin-password-file {tmp_path / 'none'}: No such file or directory\n")
    (tmp_path / "password").write_text("changed-Password-3\n")
    cluster = FakeCluster()
    cluster.web.accounts[ADMIN] = "changed-Password-3"
    assert verify(cluster, "--admin-password-file", str(tmp_path / "password"))[0] == 0


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Kubectl]:
    """Function that makes kubectl on PATH a shell script; the cache is an empty one."""
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "cache"))
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")

    def write(script: str) -> Kubectl:
        file = tmp_path / "kubectl"
        file.write_text(f"#!/bin/sh\n{script}\n")
        file.chmod(0o755)
        return Kubectl(program=str(file), namespace="rag-system", context="mine")

    return write


def test_what_kubectl_says_is_the_message(program: Callable[[str], Kubectl]) -> None:
    failing = program("echo first >&2; echo the reason >&2; echo command terminated with exit code 1 >&2; exit 1")
    with pytest.raises(KubectlError, match=r"^the reason$"):
        failing.run("get", "pods")
    with pytest.raises(KubectlError, match=r"^kubectl get failed$"):
        program("exit 1").run("get", "pods")
    with pytest.raises(KubectlError, match=r"^no answer within 0\.1 s$"):
        program("exec sleep 60").run("get", "pods", seconds=0.1)
    with pytest.raises(KubectlError, match=r"^names\.py in web ended without a result$"):
        program("cat >/dev/null; echo secret").python("web", kubectl_script("names.py"), {}, container="c")
    arguments = program('cat >/dev/null; echo "\\"$*\\""').python("web", kubectl_script("names.py"), {}, container="c")
    assert arguments == "--context=mine --namespace=rag-system exec -i web -c c -- python -"


def test_what_to_look_at_is_in_the_cluster_that_was_checked(
    program: Callable[[str], Kubectl], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for check in all_checks():
        rest = check.look_at.replace("{kubectl}", "")
        assert rest != check.look_at
        assert "kubectl" not in rest, check.name
    actual = program("exit 0")
    assert actual.shown() == "kubectl --context=mine -n rag-system"
    built = tmp_path / "built by us"
    (tmp_path / "kubectl").rename(built)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert replace(actual, program=str(built)).shown() == f"'{built}' --context=mine -n rag-system"


def kubectl_script(name: str) -> Path:
    return SCRIPTS / name


def find(*, kubeconfig: Path | None = None, context: str | None = None, namespace: str | None = None) -> Kubectl:
    requested = Target(environment="dev", kubeconfig=kubeconfig, context=context, namespace=namespace)
    return target.find_stack(requested).kubectl


def test_which_stack_is_checked(program: Callable[[str], Kubectl], tmp_path: Path) -> None:
    program("echo deployment.apps/open-webui")
    with pytest.raises(LocalError, match="dev is not up on this machine"):
        find()
    assert (find(context="mine").context, find(context="mine").namespace) == ("mine", "rag-system")
    assert find(context="mine", namespace="other").namespace == "other"
    with pytest.raises(UsageError, match="none: there is no such file"):
        find(kubeconfig=tmp_path / "none")

    # What `make up` has noted, and the config it has used.
    directory = environment_directory("dev")
    cluster = kwok.named("open-webui-stack-dev", directory / "kubeconfig")
    record = {"kind": cluster.kind, "name": cluster.name, "context": cluster.context}
    (directory / "cluster.json").write_text(json.dumps({**record, "kubeconfig": str(cluster.kubeconfig)}))
    assert (find().context, find().kubeconfig) == (cluster.context, cluster.kubeconfig)
    (directory / "project").mkdir()
    (directory / "project" / "Pulumi.dev.yaml").write_text("config: {'open-webui-stack:namespace': mine}")
    assert find().namespace == "mine"


def test_a_stack_that_is_not_there_is_told_with_those_that_are(program: Callable[[str], Kubectl]) -> None:
    namespaces = json.dumps({"items": [{"metadata": {"name": "elsewhere"}}]})
    program(f"case \"$*\" in *namespaces*) echo '{namespaces}';; esac")
    with pytest.raises(UsageError, match=r"no Deployment open-webui in the namespace rag-system.*\n.*elsewhere"):
        find(context="mine")
    program("echo connection refused >&2; exit 1")
    with pytest.raises(LocalError, match="the cluster does not answer: connection refused"):
        find(context="mine")


def test_who_may_not_see_nodes_is_on_a_real_cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    cluster = FakeCluster(node_annotations={"kwok.x-k8s.io/node": "fake"})
    answer = FakeCluster._get

    def refuse(reason: str) -> Callable[..., object]:
        def get(self: FakeCluster, kinds: str, rest: list[str]) -> object:
            if kinds == "nodes":
                raise KubectlError(reason)
            return answer(self, kinds, rest)

        return get

    assert cluster.stack.is_simulated()
    monkeypatch.setattr(FakeCluster, "_get", refuse('nodes "node" is forbidden'))
    assert not cluster.stack.is_simulated()
    monkeypatch.setattr(FakeCluster, "_get", refuse("connection refused"))
    with pytest.raises(KubectlError, match="connection refused"):
        cluster.stack.is_simulated()


def test_the_table_fits_a_narrow_terminal_and_takes_no_brackets_for_markup() -> None:
    results = report.run([], FakeCluster().stack)
    assert report.summary(results) == "0 passed, 0 failed, 0 cannot run here"
    result = report.Result(check="c", proves="", outcome="fail", seconds=1, detail="seen [red]x[/red]", look_at="k")
    console = Console(width=40, record=True, file=open(os.devnull, "w"))  # noqa: SIM115
    report.print_table([result], console)
    assert "seen [red]x[/red]" in console.export_text()
