"""`stackctl verify --html`: a page that loads nothing, escapes what servers answer, and draws the stack."""

import re
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from stackctl.deployed.applications import Application
from stackctl.deployed.topology import Topology
from stackctl.diagram import draw
from stackctl.verify import run as verification
from stackctl.verify.drawing import diagram
from stackctl.verify.page import drawn, page
from stackctl.verify.report import Result
from terminal.errors import LocalError
from tests.support.unit.command_line import CommandLine
from tests.support.unit.live_cluster import live
from tests.support.unit.recording import Recording, run
from tests.support.unit.verify_cluster import ADMIN_PASSWORD, PASSWORD, FakeCluster

AT = datetime(2026, 1, 10, 12, tzinfo=UTC)
SVG = "http://www.w3.org/2000/svg"
VOID = {"meta", "br"}


class Reader(HTMLParser):
    """The elements of a page; an element that is not closed in its place is an error."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def result(**changes: Any) -> Result:
    values: dict[str, Any] = {
        "check": "c",
        "proves": "p",
        "outcome": "pass",
        "seconds": 1.25,
        "detail": "d",
        "look_at": "",
    }
    return Result(**{**values, **changes})


def picture(**changes: Any) -> dict[str, Any]:
    topology = {"redis": "standalone", "postgresql": "standalone", "pooler": False, "archive": False, **changes}
    return diagram((application("open-webui"),), Topology(**topology), namespace="rag-system", backups=False)


def application(app: str, ready: int = 1) -> Application:
    return Application(
        app=app, kind="Deployment", images=(), ready=ready, replicas=1, restarts=0, not_ready=(), restart_loops=()
    )


def made(*results: Result, namespace: str = "rag-system", context: str | None = "mine") -> str:
    return page(results, picture(), namespace=namespace, context=context, at=AT)


def test_the_page_has_every_result_with_its_time() -> None:
    text = made(
        result(check="pods are ready", detail="redis 1"),
        result(check="names", outcome="fail", seconds=2, detail="no answer", look_at="kubectl get pods"),
        result(check="load", outcome="cannot run", seconds=0, detail="simulated"),
    )
    texts = [each.strip() for each in Reader(text).texts if each.strip()]
    assert "1 passed, 1 failed, 1 cannot run here" in texts
    assert "Context mine, 2026-01-10 12:00 UTC, 3.2 s" in texts
    start = texts.index("names")
    assert texts[start : start + 6] == ["names", "p", "fail", "2.0 s", "no answer", "look at:"]
    assert "kubectl get pods" in texts


def test_it_loads_nothing_and_runs_nothing(prod: Recording) -> None:
    text = page([result()], drawn(live(prod).stack), namespace="rag-system", context=None, at=AT)
    reader = Reader(text)
    tags = {tag for tag, _ in reader.elements}
    assert {"svg", "style", "table"} <= tags
    assert not tags & {"script", "link", "img", "iframe", "object", "embed", "a", "use", "image"}
    attributes = [(name, value or "") for _, values in reader.elements for name, value in values.items()]
    assert not [name for name, _ in attributes if name in ("src", "href", "xlink:href") or name.startswith("on")]
    assert {value for _, value in attributes if "//" in value} == {SVG}
    styles = re.findall(r"url\(([^)]*)\)|(@import)", text)
    assert {url for url, _ in styles} == {"#head"}
    assert text.count("//") == 1, "a URL other than the namespace of SVG"


def test_answers_of_servers_are_text() -> None:
    hostile = "<script>alert(1)</script>\"'&$title"
    text = made(
        result(check=hostile, proves=hostile, detail=hostile, look_at=hostile, outcome="fail"),
        namespace=hostile,
        context=hostile,
    )
    reader = Reader(text)
    assert "script" not in {tag for tag, _ in reader.elements}
    assert "".join(reader.texts).count(hostile) == 7


def test_a_secret_of_an_answer_is_not_in_it() -> None:
    text = made(
        result(detail="redis://openwebui:generated-Password-2@redis:6379/0 refused", look_at="password=hunter2hunter2")
    )
    assert "generated-Password-2" not in text
    assert "hunter2" not in text


def boxes(picture: dict[str, Any]) -> dict[str, tuple[str, ...]]:
    """Titles and notes of the drawn boxes, by the title."""
    root = ElementTree.fromstring(draw(picture))
    assert all(element.text for element in root.iter(f"{{{SVG}}}text"))
    return {name: (box["title"], *box.get("notes", ())) for name, box in picture["boxes"].items()}


TOPOLOGIES = {
    "sentinel": (("redis.topology=sentinel",), {}),
    "redis cluster": (("redis.topology=cluster",), {}),
    "external": (
        (
            *("redis.topology=external", "redis.external.hosts=10.0.0.1"),
            *("postgresql.topology=external", "postgresql.external.hosts=10.0.0.2", "backup.enabled=false"),
        ),
        {
            "redisCacheUrl": "redis://u:p@10.0.0.1:6379/0",
            "redisWebsocketUrl": "redis://u:p@10.0.0.1:6379/1",
            "databaseUrl": "postgresql://u:p@10.0.0.2:5432/d?sslmode=disable",
        },
    ),
    "pooler": (("postgresql.pooler.enabled=true",), {}),
}


def test_prod_is_drawn(prod: Recording) -> None:
    shown = boxes(drawn(live(prod).stack))
    assert shown["open-webui"] == ("open-webui", "3/3 ready")
    assert shown["postgres"] == ("postgres", "1/1 ready", "one server")
    assert shown["postgres-backup"] == ("postgres-backup", "CronJob")
    assert "archive" not in shown


def test_pods_that_are_missing_are_drawn_in_red() -> None:
    broken = diagram(
        (application("open-webui", ready=0), application("redis")),
        Topology(redis="standalone", postgresql="external", pooler=False, archive=False),
        namespace="rag-system",
        backups=True,
    )
    assert broken["boxes"]["open-webui"]["kind"] == "failing"
    assert broken["boxes"]["redis"]["kind"] == "stack"
    assert "postgres" in boxes(broken)


@pytest.mark.parametrize("redis", ["standalone", "sentinel", "cluster", "external"])
@pytest.mark.parametrize("postgresql", ["standalone", "cloudnative-pg", "external"])
@pytest.mark.parametrize("pooler", [False, True])
def test_every_topology_can_be_drawn_without_boxes_on_each_other(redis: str, postgresql: str, pooler: bool) -> None:
    apps = ["open-webui", "tika", "ollama", "an-application-with-a-long-name"]
    apps += ["redis"] if redis != "external" else []
    apps += ["postgres"] if postgresql != "external" else []
    topology: Any = {"redis": redis, "postgresql": postgresql, "pooler": pooler, "archive": postgresql != "external"}
    picture = diagram([application(app) for app in apps], Topology(**topology), namespace="n" * 63, backups=True)
    shown = boxes(picture)
    assert {"redis", "postgres", "open-webui"} <= shown.keys()
    assert ("postgres-pooler" in shown) == pooler
    assert ("external" in shown["redis"]) == (redis == "external")
    rectangles = rectangles_of(draw(picture))
    overlaps = [
        (one, other)
        for number, one in enumerate(rectangles)
        for other in rectangles[number + 1 :]
        if one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]
    ]
    assert overlaps == []
    [frame] = rectangles_of(draw(picture), frame=True)
    outside = {name for name, notes in shown.items() if "external" in notes or name in ("clients", "archive")}
    assert len([each for each in rectangles if not frame[1] <= each[1] < frame[3]]) == len(outside)


def rectangles_of(svg: str, *, frame: bool = False) -> list[tuple[float, float, float, float]]:
    """Left, top, right and bottom of the boxes, or of the frame."""
    sides = []
    for element in ElementTree.fromstring(svg).iter(f"{{{SVG}}}rect"):
        if element.get("class") != "background" and (element.get("class") == "frame") == frame:
            left, top, width, height = (float(element.get(name, "0")) for name in ("x", "y", "width", "height"))
            sides.append((left, top, left + width, top + height))
    return sides


@pytest.mark.parametrize("name", TOPOLOGIES)
def test_the_drawn_topology_is_that_of_the_program(name: str) -> None:
    sets, secrets = TOPOLOGIES[name]
    shown = boxes(drawn(live(run("dev", sets, secrets)).stack))
    expected = {
        "sentinel": ("redis", "with Sentinels"),
        "redis cluster": ("redis", "Redis Cluster"),
        "external": ("postgres", "external"),
        "pooler": ("postgres-pooler", "PgBouncer"),
    }
    box, note = expected[name]
    assert note in shown[box]


def test_the_command_writes_the_page_beside_the_table(
    monkeypatch: pytest.MonkeyPatch, stackctl: CommandLine, tmp_path: Path
) -> None:
    monkeypatch.setattr(verification, "find_stack", lambda _: FakeCluster(pong="[NOAUTH]").stack)
    file = tmp_path / "report.html"
    ended = stackctl("verify", "--html", str(file))
    assert ended.code == 1
    assert "16 passed, 1 failed" in ended.out
    text = file.read_text()
    assert "16 passed, 1 failed, 0 cannot run here" in Reader(text).texts
    assert PASSWORD not in text
    assert ADMIN_PASSWORD not in text


def test_a_page_of_an_earlier_run_does_not_stay(
    monkeypatch: pytest.MonkeyPatch, stackctl: CommandLine, tmp_path: Path
) -> None:
    def fail(_: object) -> None:
        raise LocalError("the cluster does not answer")

    monkeypatch.setattr(verification, "find_stack", fail)
    file = tmp_path / "report.html"
    file.write_text("17 passed")
    assert stackctl("verify", "--html", str(file)).code == 2
    assert file.read_text() == ""


def test_a_page_that_cannot_be_written_is_refused_before_the_checks(
    monkeypatch: pytest.MonkeyPatch, stackctl: CommandLine, tmp_path: Path
) -> None:
    cluster = FakeCluster()
    monkeypatch.setattr(verification, "find_stack", lambda _: cluster.stack)
    ended = stackctl("verify", "--html", str(tmp_path / "none" / "report.html"))
    assert (ended.code, ended.err) == (2, f"--html {tmp_path}/none/report.html: No such file or directory\n")
    assert cluster.commands == []
