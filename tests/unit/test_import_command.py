"""`stackctl import`: the source that it copies, the pod that it creates, what it refuses, and what it prints."""

import hashlib
import json
import sqlite3
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from stackctl.deployed import web_pods
from stackctl.deployed.backup_jobs import Outcome
from stackctl.deployed.kubectl import Kubectl
from stackctl.deployed.stack import Stack
from stackctl.importing import operations, source
from stackctl.importing.pod import DIRECTORY, ImportPod, has_direct_url, pod_manifest
from stackctl.importing.report import Plan
from stackctl.importing.source import copy_source
from terminal.errors import LocalError, UsageError
from tests.support.unit.command_line import CommandLine
from tests.support.unit.recording import Recording
from tests.support.unit.verify_cluster import FakeCluster


def table(name: str, *, new: int = 0, changed: int = 0, lost: int = 0) -> dict[str, Any]:
    return {"table": name, "source": 5, "new": new, "changed": changed, "lost": lost}


def planned(*tables: dict[str, Any], **more: Any) -> dict[str, Any]:
    empty: dict[str, Any] = {"orphans": {}, "documents": None, "files": [], "differing_settings": []}
    empty["not_imported"] = []
    return {"tables": list(tables), **empty, "local_settings": [], "administrator_stays": True, **more}


@dataclass
class FakePod:
    """The pod of an import, whose program answers what a test says."""

    cluster: FakeCluster
    plan: dict[str, Any] = field(default_factory=lambda: planned(table("chat", new=5)))
    loses_uploads: bool = False
    variables: tuple[str, ...] = ("DATABASE_URL",)
    sent: list[str] = field(default_factory=list)
    applied: list[tuple[int, dict[str, Any], list[str]]] = field(default_factory=list)
    """Web pods, options and files of each `apply`."""

    fails: bool = False

    def send(self, files: Iterable[tuple[Path, str]]) -> None:
        self.sent += [name for _, name in files]

    def run(self, action: str, options: dict[str, Any], files: Iterable[Path], _progress: Callable[[str], None]) -> Any:
        if action == "plan":
            return self.plan
        self.applied.append((self.cluster.replicas, options, [file.name for file in files]))
        if self.fails:
            raise LocalError("Documents could not be embedded")
        return {"rows": 7, "tables": 2, "files": 1, "embedded": 4}


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data directory whose last rows are in the write-ahead log."""
    data = tmp_path / "data"
    (data / "uploads").mkdir(parents=True)
    (data / "vector_db").mkdir()
    (data / "uploads" / "a_lamp.txt").write_text("blue")
    (data / "uploads" / "b_empty.txt").touch()
    with closing(sqlite3.connect(tmp_path / "live.db")) as live:
        live.execute("PRAGMA journal_mode = WAL")
        live.execute("CREATE TABLE chat (id text)")
        live.execute("INSERT INTO chat VALUES ('c1')")
        live.commit()
        for suffix in ("", "-wal"):
            (data / f"webui.db{suffix}").write_bytes((tmp_path / f"live.db{suffix}").read_bytes())
    with closing(sqlite3.connect(data / "vector_db" / "chroma.sqlite3")) as chroma:
        chroma.execute("CREATE TABLE collections (id text)")
    return data


@pytest.fixture
def pod(monkeypatch: pytest.MonkeyPatch) -> FakePod:
    """The pod; the stack around it has backups."""
    cluster = FakeCluster()
    pod = FakePod(cluster)

    @contextmanager
    def import_pod(_stack: Stack, size: int) -> Iterator[FakePod]:
        assert size > 0
        yield pod

    def run_job(_stack: Stack, arguments: list[str], **_more: Any) -> Outcome:
        assert (arguments, cluster.replicas) == (["run"], 0)
        return Outcome(name="job", succeeded=True, lines=("backup: Kept as a.dump.",))

    monkeypatch.setattr(operations, "find_stack", lambda _: cluster.stack)
    monkeypatch.setattr(operations, "import_pod", import_pod)
    monkeypatch.setattr(operations, "run_job", run_job)
    monkeypatch.setattr(operations, "cron_job", lambda _: {})
    monkeypatch.setattr(web_pods, "_POLL_SECONDS", 0)
    return pod


def digests(directory: Path) -> dict[str, str]:
    return {str(f): hashlib.sha256(f.read_bytes()).hexdigest() for f in directory.rglob("*") if f.is_file()}


def test_the_copy_has_the_write_ahead_log_and_the_source_stays_as_it_is(data: Path, tmp_path: Path) -> None:
    before = digests(data)
    (tmp_path / "copies").mkdir()
    copied = copy_source(data, tmp_path / "copies")
    with closing(sqlite3.connect(f"file:{copied.database}?mode=ro&immutable=1", uri=True)) as connection:
        assert connection.execute("SELECT id FROM chat").fetchall() == [("c1",)]
    assert copied.vectors
    assert digests(data) == before


def test_files_are_those_that_exist_with_contents(data: Path, tmp_path: Path) -> None:
    (tmp_path / "copies").mkdir()
    copied = copy_source(data, tmp_path / "copies")
    names = ["a_lamp.txt", "b_empty.txt", "c_missing.txt", "../webui.db", "a_lamp.txt"]
    assert [file.name for file in copied.files(names)] == ["a_lamp.txt"]


def test_a_source_that_changes_is_refused(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    states = iter(range(100))
    monkeypatch.setattr(source, "_state", lambda _file: next(states))
    with pytest.raises(LocalError, match="stop the source first"):
        copy_source(data, tmp_path)


@pytest.mark.parametrize("contents", [b"encrypted" * 500, b"SQLite format 3\0" + b"x" * 5000])
def test_what_is_not_a_database_is_refused(tmp_path: Path, contents: bytes) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "webui.db").write_bytes(contents)
    (tmp_path / "copies").mkdir()
    with pytest.raises(LocalError, match=r"webui\.db (cannot be read|is damaged)"):
        copy_source(tmp_path / "data", tmp_path / "copies")


def test_another_directory_is_refused_with_the_command_for_the_right_one(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"has no webui\.db.*\n.*docker cp"):
        copy_source(tmp_path, tmp_path)


def test_without_yes_it_shows_what_would_change(pod: FakePod, stackctl: CommandLine, data: Path) -> None:
    pod.plan = planned(
        table("chat", new=5),
        table("config", changed=3),
        files=["a_lamp.txt", "c_missing.txt"],
        differing_settings=["openai.api_keys"],
        local_settings=["web.search.searxng_query_url"],
        orphans={"chat_file.chat_id": 2},
    )
    ended = stackctl("import", str(data))
    assert ended.code == 2
    assert pod.sent == ["webui.db", "chroma.sqlite3"]
    assert "chat: 5 rows; 5 new, 0 changed, 0 only in the stack" in ended.out
    for line in ("openai.api_keys", "web.search.searxng_query_url", "chat_file.chat_id: 2", "c_missing.txt"):
        assert f"  {line}" in ended.out.splitlines()
    assert "are dumped first and kept. Nothing was changed. To import: add --yes" in ended.err
    assert (pod.applied, pod.cluster.wants) == ([], [])


def test_it_stops_the_web_pods_dumps_and_imports(pod: FakePod, stackctl: CommandLine, data: Path) -> None:
    pod.plan["files"] = ["a_lamp.txt"]
    ended = stackctl("import", str(data), "--yes")
    assert ended.code == 0, ended.err
    assert "backup: Kept as a.dump." in ended.out
    [(replicas, options, files)] = pod.applied
    assert (replicas, files) == (0, ["a_lamp.txt"])
    assert options == {"variables": ("DATABASE_URL",), "documents": True, "overwrite": False, "files": True}
    assert pod.cluster.wants == [0, 2]
    assert "2 web pods are ready again." in ended.out


def test_a_failed_import_brings_the_web_pods_back(pod: FakePod, stackctl: CommandLine, data: Path) -> None:
    pod.fails = True
    ended = stackctl("import", str(data), "--yes")
    assert (ended.code, "could not be embedded" in ended.err) == (1, True)
    assert pod.cluster.wants == [0, 2]


def test_rows_of_the_stack_are_overwritten_only_when_asked(pod: FakePod, stackctl: CommandLine, data: Path) -> None:
    pod.plan = planned(table("user", new=2, lost=1), table("chat", changed=3), table("config", changed=9))
    refused = stackctl("import", str(data), "--yes")
    assert refused.code == 2
    assert "would overwrite rows of the stack: 1 of user, 3 of chat. Nothing was changed." in refused.err
    assert "add --overwrite" in refused.err
    assert pod.applied == []
    assert stackctl("import", str(data), "--yes", "--overwrite").code == 0
    assert pod.applied[0][1]["overwrite"] is True


def test_when_the_stack_holds_everything_nothing_is_stopped(pod: FakePod, stackctl: CommandLine, data: Path) -> None:
    pod.plan = planned(table("chat"), table("config"))
    ended = stackctl("import", str(data), "--yes")
    assert (ended.code, "Nothing was changed." in ended.out) == (0, True)
    assert (pod.applied, pod.cluster.wants) == ([], [])


def test_documents_count_as_contents() -> None:
    documents = {"source": 4, "new": 0, "changed": 0, "lost": 2}
    plan = Plan(planned(table("chat"), documents=documents))
    assert (plan.is_empty, plan.overwritten) == (False, {"document_chunk": 2})


def test_uploads_that_would_go_with_the_pod_are_refused(pod: FakePod, stackctl: CommandLine, data: Path) -> None:
    pod.loses_uploads = True
    refused = stackctl("import", str(data), "--yes")
    assert (refused.code, "openWebui.uploads.kind is pod" in refused.err) == (2, True)
    assert pod.applied == []
    assert stackctl("import", str(data), "--yes", "--no-files").code == 0
    assert pod.applied[0][2] == []


def test_without_backups_it_is_refused(
    pod: FakePod, stackctl: CommandLine, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none(_stack: Stack) -> None:
        raise UsageError("backups are off")

    monkeypatch.setattr(operations, "cron_job", none)
    refused = stackctl("import", str(data), "--yes")
    assert (refused.code, "add --no-safety-dump" in refused.err) == (2, True)
    assert stackctl("import", str(data), "--yes", "--no-safety-dump", "--no-documents").code == 0
    assert pod.applied[0][1]["documents"] is False


def test_simulated_pods_cannot_import(pod: FakePod, stackctl: CommandLine, data: Path) -> None:
    pod.cluster.node_annotations = {"kwok.x-k8s.io/node": "fake"}
    ended = stackctl("import", str(data))
    assert (ended.code, "pods are simulated here" in ended.err, pod.sent) == (1, True, [])


def test_the_pod_is_a_web_pod_that_no_service_selects(dev: Recording) -> None:
    template = json.loads(json.dumps(dev.one("Deployment", "open-webui").inputs["spec"]["template"]))
    template["metadata"]["labels"]["pod-template-hash"] = "abc"
    template["spec"]["containers"].append({"name": "sidecar"})
    before = json.dumps(template)
    manifest = pod_manifest(template, 2**30)
    assert json.dumps(template) == before
    spec = manifest["spec"]
    [container] = spec["containers"]
    original = template["spec"]["containers"][0]
    assert {key: container[key] for key in ("image", "env", "volumeMounts", "securityContext")} == {
        key: original[key] for key in ("image", "env", "volumeMounts", "securityContext")
    }
    assert not {"startupProbe", "readinessProbe", "livenessProbe", "lifecycle"} & container.keys()
    # A pod whose gate is not true is never ready: its address gets no requests.
    assert spec["readinessGates"] == [{"conditionType": "open-webui-stack/serves-requests"}]
    assert spec["initContainers"] == []
    assert container["resources"]["limits"]["ephemeral-storage"] == f"{3 * 1024 + 2048}Mi"
    assert "pod-template-hash" not in manifest["metadata"]["labels"], "no ReplicaSet adopts it"
    assert manifest["metadata"]["labels"]["app"] == "open-webui"
    small = pod_manifest(template, 2**20)["spec"]["containers"][0]["resources"]
    assert small == original["resources"]


def test_the_pod_goes_past_a_pooler(dev: Recording) -> None:
    """Its lock is of a session, and a pooler in transaction mode has none for it."""
    template = dev.one("Deployment", "open-webui").inputs["spec"]["template"]

    def key_of(manifest: dict[str, Any]) -> str:
        [container] = manifest["spec"]["containers"]
        [variable] = [each for each in container["env"] if each["name"] == "DATABASE_URL"]
        return str(variable["valueFrom"]["secretKeyRef"]["key"])

    assert key_of(pod_manifest(template, 0)) == "client-url"
    assert key_of(pod_manifest(template, 0, past_pooler=True)) == "direct-url"


@pytest.mark.parametrize(("keys", "expected"), [(["client-url"], False), (["client-url", "direct-url"], True)])
def test_a_pooler_is_known_by_the_url_of_the_server_itself(keys: list[str], expected: bool) -> None:
    cluster = FakeCluster(sources={"DATABASE_URL": ("postgresql-secret", "client-url")})
    cluster.secrets["postgresql-secret"] = dict.fromkeys(keys, "postgresql://u@postgres/x")
    assert has_direct_url(cluster.stack) is expected
    other = FakeCluster(sources={"DATABASE_URL": ("vault", "url")})
    assert not has_direct_url(other.stack)


@dataclass(frozen=True, kw_only=True)
class LocalKubectl(Kubectl):
    """A kubectl whose `exec` runs Python on this machine."""

    script: str

    def command(self, *arguments: str) -> list[str]:
        assert arguments[:2] == ("exec", "-i")
        return [sys.executable, "-c", self.script]


def program_ends(script: str, *files: Path) -> Any:
    kubectl = LocalKubectl(program="kubectl", namespace="n", script=script)
    pod = ImportPod(kubectl=kubectl, variables=(), loses_uploads=False)
    return pod.run("plan", {}, files, lambda _line: None)


def test_the_program_gets_the_uploads_as_an_archive(data: Path) -> None:
    script = (
        "import json, sys, tarfile\n"
        "archive = tarfile.open(fileobj=sys.stdin.buffer, mode='r|')\n"
        "got = {m.name: [archive.extractfile(m).read().decode(), m.uid, oct(m.mode)] for m in archive}\n"
        "print('result: ' + json.dumps(got))"
    )
    assert program_ends(script, data / "uploads" / "a_lamp.txt") == {"a_lamp.txt": ["blue", 0, "0o644"]}


def test_a_failure_shows_the_messages_of_the_program_alone() -> None:
    with pytest.raises(LocalError) as error:
        program_ends("import sys; print('a text of a user'); print('import: The disk is full.'); sys.exit(1)")
    assert str(error.value) == "The disk is full."


def test_a_program_that_prints_before_it_reads_does_not_wait_for_ever(data: Path) -> None:
    (data / "uploads" / "large").write_bytes(bytes(2**20))
    script = "import sys; print('x' * 2**20); got = len(sys.stdin.buffer.read()); print(f'result: {got}')"
    assert program_ends(script, data / "uploads" / "large") > 2**20
    # It ends without reading.
    assert program_ends("print('result: 1')", data / "uploads" / "large") == 1


def test_a_program_without_a_result_is_a_failure() -> None:
    assert program_ends("print('noise'); print('result: {\"rows\": 1}')") == {"rows": 1}
    with pytest.raises(LocalError, match="without a result"):
        program_ends("print('noise')")


def test_the_directory_is_on_a_volume_of_the_pod(dev: Recording) -> None:
    mounts = dev.containers["open-webui/open-webui"]["volumeMounts"]
    assert any(DIRECTORY.startswith(f"{mount['mountPath']}/") for mount in mounts)
