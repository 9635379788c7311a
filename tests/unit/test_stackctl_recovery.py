"""Going on after an interruption, and one command at a time: without an engine and a cluster."""

import json
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import urllib3
from kubernetes import client, dynamic

from devcluster.clusters.api import dynamic_client, find
from devcluster.clusters.choice import Cluster
from host.directories import CACHE_VARIABLE
from host.locks import exclusive
from stackctl.engine import recovery
from stackctl.engine.recovery import recover, with_created
from terminal.errors import LocalError

CLUSTER = Cluster(kind="kwok", name="c", kubeconfig=None, context="c")


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path))


def resource(name: str, **more: Any) -> dict[str, Any]:
    return {
        "urn": f"urn:pulumi:dev::p::kubernetes:core/v1:ConfigMap::{name}",
        "type": "kubernetes:core/v1:ConfigMap",
        **more,
    }


def test_what_was_created_comes_after_what_it_depends_on_or_in_its_predecessors_place() -> None:
    before = [resource("a"), resource("b", pendingReplacement=True), resource("c")]
    new, replaced = resource("new", id="n/new"), resource("b", id="n/b")
    assert with_created(before, [new, replaced]) == [before[0], replaced, before[2], new]
    assert with_created(before, []) == before


class Cli:
    """The CLI on a state."""

    def __init__(self, state: dict[str, Any]) -> None:
        self.state = state
        self.calls: list[tuple[str, ...]] = []

    def run(self, _: object, *arguments: str, stdin: str = "") -> str:
        self.calls.append(arguments)
        if arguments[:2] == ("stack", "import"):
            self.state = json.loads(stdin)
        return json.dumps(self.state)


@pytest.fixture
def interrupted(monkeypatch: pytest.MonkeyPatch) -> Cli:
    """A state with two creations and an update under way; of the creations the cluster knows `done` alone."""
    operations = [
        {"type": "creating", "resource": resource("done")},
        {"type": "creating", "resource": resource("lost")},
        {"type": "updating", "resource": resource("there")},
    ]
    cli = Cli({"deployment": {"resources": [resource("there")], "pending_operations": operations}})
    monkeypatch.setattr(recovery, "run_pulumi", cli.run)
    ids = {resource("done")["urn"]: "n/done"}
    monkeypatch.setattr(recovery, "_identifier_if_there", lambda actual, _: ids.get(actual["urn"]))
    return cli


STACK: Any = SimpleNamespace(workspace=None, name="dev")


def test_what_the_cluster_has_is_taken_over_and_the_rest_comes_again(
    interrupted: Cli, capsys: pytest.CaptureFixture[str]
) -> None:
    recover(STACK, CLUSTER)
    assert interrupted.state["deployment"]["resources"] == [resource("there"), resource("done", id="n/done")]
    assert [call[:2] for call in interrupted.calls] == [("stack", "export"), ("stack", "import"), ("refresh", "--yes")]
    assert [
        value
        for name, value in zip(interrupted.calls[-1], interrupted.calls[-1][1:], strict=False)
        if name == "--target"
    ] == [resource("done")["urn"]]
    output = capsys.readouterr().err.splitlines()
    assert output == [
        "  ConfigMap done was created before the last update was interrupted: adopted",
        "  ConfigMap lost was not created before the last update was interrupted: created now",
    ]


def test_nothing_is_touched_where_nothing_was_interrupted(interrupted: Cli, capsys: pytest.CaptureFixture[str]) -> None:
    updating = interrupted.state["deployment"]["pending_operations"][2:]
    none: list[Any] = []
    for operations in (None, none, updating):
        interrupted.state["deployment"]["pending_operations"] = operations
        interrupted.calls.clear()
        recover(STACK, CLUSTER)
        assert [call[:2] for call in interrupted.calls] == [("stack", "export")]
    assert capsys.readouterr().err == ""


def test_one_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    output: list[str] = []
    waits, entered = threading.Event(), threading.Event()

    def told(text: str, **_: object) -> None:
        output.append(text)
        waits.set()

    def second() -> None:
        with exclusive("name", "builds it"):
            entered.set()

    monkeypatch.setattr("host.locks.notices.print", told)
    with exclusive("name", "builds it"):
        thread = threading.Thread(target=second)
        thread.start()
        assert waits.wait(30)
        assert not entered.is_set()
        with exclusive("another", "builds something else"):
            pass
    assert entered.wait(30)
    thread.join()
    assert output == ["waiting for another command, which builds it"]


class FakeApi:
    """Answers with an object or an error; knows one kind."""

    def __init__(self, answer: Any) -> None:
        self.answer = answer
        self.resources = self

    def get(self, kind: object = None, **query: Any) -> Any:
        if "api_version" in query:
            if kind == "ServiceMonitor":
                raise dynamic.exceptions.ResourceNotFoundError("no matches")
            return kind
        assert kind == "ConfigMap"
        assert query == {"name": "a", "namespace": "n"}
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def manifest(kind: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": kind, "metadata": {"name": "a", "namespace": "n"}}


def test_only_what_the_api_server_does_not_have_is_missing() -> None:
    api: Any = FakeApi("found")
    assert find(api, manifest("ConfigMap")) == "found"
    assert find(api, manifest("ServiceMonitor")) is None, "its definition is not there either"
    api.answer = client.ApiException(status=404)
    assert find(api, manifest("ConfigMap")) is None
    api.answer = client.ApiException(status=403, reason="Forbidden")
    with pytest.raises(LocalError, match=r"^ConfigMap/a cannot be read: Forbidden$"):
        find(api, manifest("ConfigMap"))
    api.answer = urllib3.exceptions.ProtocolError("Connection aborted")
    with pytest.raises(LocalError, match="does not answer: Connection aborted"):
        find(api, manifest("ConfigMap"))


def test_a_cluster_that_does_not_answer_is_named(tmp_path: Path) -> None:
    kubeconfig = tmp_path / "kubeconfig"
    entry = {"name": "c", "cluster": {"server": "https://127.0.0.1:1"}}
    context = {"name": "c", "context": {"cluster": "c", "user": "c"}}
    users = [{"name": "c", "user": {}}]
    kubeconfig.write_text(json.dumps({"clusters": [entry], "contexts": [context], "users": users}))
    for name in ("c", "another"):
        with pytest.raises(LocalError, match=f"the cluster of the context {name} does not answer: "):
            dynamic_client(Cluster(kind="context", name=name, kubeconfig=kubeconfig, context=name))
