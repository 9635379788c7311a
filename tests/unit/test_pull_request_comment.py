"""The comment on a pull request, against a server that keeps comments as the two services do."""

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from stackctl.gate.marker import MARKER
from stackctl.gate.pull_request_comment import GITHUB_AUTHOR, main

TOKEN = "token-of-the-test"


@dataclass
class Service:
    """Comments, and what was asked."""

    comments: list[dict[str, Any]] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    refuse: int = 0
    address: str = ""

    def add(self, body: str, author: str) -> None:
        user = {"login": author, "username": author}
        self.comments.append({"id": len(self.comments) + 1, "body": body, "user": user, "author": user})

    def bodies(self) -> list[str]:
        return [comment["body"] for comment in self.comments]


@pytest.fixture
def service() -> Iterator[Service]:
    state = Service()

    class Handler(BaseHTTPRequestHandler):
        def do(self) -> None:
            path, _, query = self.path.partition("?")
            state.asked.append(f"{self.command} {path}")
            if state.refuse or TOKEN not in (self.headers["Authorization"] or self.headers["PRIVATE-TOKEN"] or ""):
                self.send_error(state.refuse or 401)
                return
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"] or 0)) or "{}").get("body")
            answer: Any = {"username": "project_bot"}
            if self.command == "POST":
                state.add(body, GITHUB_AUTHOR if "/repos/" in path else "project_bot")
            elif self.command in ("PATCH", "PUT"):
                state.comments[int(path.rpartition("/")[2]) - 1]["body"] = body
            elif not path.endswith("/user"):
                page = int(query.rpartition("page=")[2])
                answer = state.comments[(page - 1) * 100 : page * 100]
            self.send_response(200)
            self.end_headers()
            self.wfile.write(json.dumps(answer).encode())

        do_GET = do_POST = do_PATCH = do_PUT = do  # noqa: N815

        def log_message(self, format: str, *args: Any) -> None:
            """Nothing on stderr."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    state.address = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield state
    server.shutdown()
    server.server_close()


@pytest.fixture(params=["github", "gitlab"])
def author(request: pytest.FixtureRequest, service: Service, monkeypatch: pytest.MonkeyPatch) -> str:
    """Environment of a job; the author of its comments."""
    github = {"GITHUB_REPOSITORY": "o/r", "GITHUB_API_URL": service.address, "GH_TOKEN": TOKEN, "PULL_REQUEST": "7"}
    gitlab = {"GITLAB_CI": "true", "CI_API_V4_URL": service.address, "CI_PROJECT_ID": "3", "GITLAB_TOKEN": TOKEN}
    gitlab["CI_MERGE_REQUEST_IID"] = "7"
    for name in (*github, *gitlab):
        monkeypatch.delenv(name, raising=False)
    for name, value in (github if request.param == "github" else gitlab).items():
        monkeypatch.setenv(name, value)
    return GITHUB_AUTHOR if request.param == "github" else "project_bot"


@pytest.fixture
def comment(tmp_path: Path) -> Path:
    file = tmp_path / "comment.md"
    file.write_text(f"{MARKER}\nfirst\n")
    return file


@pytest.mark.usefixtures("author")
def test_it_is_written_once_and_updated_from_then_on(service: Service, comment: Path) -> None:
    service.add("looks good", "somebody")
    assert main([str(comment)]) == 0
    comment.write_text(f"{MARKER}\nsecond\n")
    assert main([str(comment)]) == 0
    assert service.bodies() == ["looks good", f"{MARKER}\nsecond\n"]


def test_it_is_found_on_a_later_page(service: Service, author: str, comment: Path) -> None:
    for number in range(100):
        service.add(f"comment {number}", "somebody")
    service.add(f"{MARKER}\nold", author)
    assert main([str(comment)]) == 0
    assert len(service.comments) == 101
    assert service.bodies()[-1] == f"{MARKER}\nfirst\n"


@pytest.mark.usefixtures("author")
def test_the_comment_of_another_author_is_left_alone(service: Service, comment: Path) -> None:
    service.add(f"{MARKER}\neverything is fine", "stranger")
    assert main([str(comment)]) == 0
    assert service.bodies() == [f"{MARKER}\neverything is fine", f"{MARKER}\nfirst\n"]


@pytest.mark.usefixtures("author")
def test_a_refusal_is_told_without_the_token(
    service: Service, comment: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    service.refuse = 403
    assert main([str(comment)]) == 1
    error = capsys.readouterr().err
    assert "403" in error
    assert "may not write" in error
    assert TOKEN not in error
    assert service.comments == []


@pytest.mark.parametrize(
    ("author", "variables", "run"),
    [
        (
            "github",
            {"GITHUB_SERVER_URL": "https://github.example", "GITHUB_RUN_ID": "12"},
            "https://github.example/o/r/actions/runs/12",
        ),
        ("gitlab", {"CI_PIPELINE_URL": "https://gitlab.example/o/r/-/pipelines/12"}, ".example/o/r/-/pipelines/12"),
    ],
    indirect=["author"],
)
def test_what_an_earlier_commit_had_does_not_stay_when_there_is_no_preview(
    service: Service,
    author: str,
    comment: Path,
    monkeypatch: pytest.MonkeyPatch,
    variables: dict[str, str],
    run: str,
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    service.add(f"{MARKER}\n## Nothing dangerous", author)
    comment.unlink()
    assert main([str(comment)]) == 0
    [body] = service.bodies()
    assert body.startswith(f"{MARKER}\n\n## ❌ There is no preview")
    assert run in body


@pytest.mark.usefixtures("author")
def test_a_file_without_marker_is_refused(service: Service, tmp_path: Path) -> None:
    (tmp_path / "other.md").write_text("<!-- another -->\n")
    assert main([str(tmp_path / "other.md")]) == 2
    assert main([]) == 2
    assert service.asked == []


def test_a_missing_variable_is_named(
    monkeypatch: pytest.MonkeyPatch, comment: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("GITLAB_CI", "GH_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("GITHUB_REPOSITORY", "o/r")
    assert main([str(comment)]) == 1
    assert "GH_TOKEN is not set" in capsys.readouterr().err
