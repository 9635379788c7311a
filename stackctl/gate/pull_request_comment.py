"""`python3 -m stackctl.gate.pull_request_comment comment.md`: the one comment on a pull request, created or updated.

Standard library only: the job that may write to the pull request installs no packages. Where the file is missing, an
earlier step failed; the comment then says so and replaces the comment on an earlier commit.

Environment, on GitHub: ``GH_TOKEN``, ``PULL_REQUEST`` (its number), and the variables of every job.
On GitLab: ``GITLAB_TOKEN`` (a project access token with the scope ``api``), and the variables of every job.
"""

import json
import os
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .marker import MARKER

PAGE = 100
TIMEOUT_SECONDS = 30
GITHUB_AUTHOR = "github-actions[bot]"
"""Author of the comment to update: any user may write a comment with the same first line."""


class CommentError(Exception):
    """The comment cannot be written. The message says why, and how to fix it."""


@dataclass(frozen=True, kw_only=True)
class Discussion:
    """The addresses and methods for the comments of one pull request."""

    comments: str
    """Address that lists the comments and accepts a new one."""

    one: str
    """Address of one comment, without its number."""

    update: str
    """Method that changes a comment."""

    headers: Mapping[str, str]
    author: str
    """User name of the author whose comment is updated; empty: the user of the token."""

    user: str
    """Address that returns the user of the token."""


def discussion(environment: Mapping[str, str]) -> Discussion:
    """The pull request that the environment names.

    Raises:
        CommentError: a variable is missing.
    """

    def need(name: str) -> str:
        if not environment.get(name):
            raise CommentError(f"{name} is not set. On GitHub: GH_TOKEN, PULL_REQUEST; on GitLab: GITLAB_TOKEN")
        return environment[name]

    if environment.get("GITLAB_CI"):
        api = need("CI_API_V4_URL")
        notes = f"{api}/projects/{need('CI_PROJECT_ID')}/merge_requests/{need('CI_MERGE_REQUEST_IID')}/notes"
        headers = {"PRIVATE-TOKEN": need("GITLAB_TOKEN")}
        return Discussion(comments=notes, one=notes, update="PUT", headers=headers, author="", user=f"{api}/user")
    api = environment.get("GITHUB_API_URL") or "https://api.github.com"
    issues = f"{api}/repos/{need('GITHUB_REPOSITORY')}/issues"
    headers = {"Authorization": f"Bearer {need('GH_TOKEN')}", "Accept": "application/vnd.github+json"}
    return Discussion(
        comments=f"{issues}/{need('PULL_REQUEST')}/comments",
        one=f"{issues}/comments",
        update="PATCH",
        headers=headers,
        author=GITHUB_AUTHOR,
        user=f"{api}/user",
    )


def write(place: Discussion, text: str) -> str:
    """Update the author's comment that begins with the same line; create one where there is none.

    Returns:
        ``updated`` or ``written``.

    Raises:
        CommentError: the service refuses, or cannot be reached.
    """
    marker = text.partition("\n")[0]
    author = place.author or _request(place, "GET", place.user)["username"]
    for comment in _comments(place):
        writer = comment.get("user") or comment.get("author") or {}
        if comment["body"].startswith(marker) and author in (writer.get("login"), writer.get("username")):
            _request(place, place.update, f"{place.one}/{comment['id']}", text)
            return "updated"
    _request(place, "POST", place.comments, text)
    return "written"


def _comments(place: Discussion) -> Iterator[dict[str, Any]]:
    page = 1
    comments: list[dict[str, Any]] = [{}] * PAGE
    while len(comments) == PAGE:
        comments = _request(place, "GET", f"{place.comments}?per_page={PAGE}&page={page}")
        yield from comments
        page += 1


def _request(place: Discussion, method: str, address: str, text: str | None = None) -> Any:
    data = None if text is None else json.dumps({"body": text}).encode()
    headers = {**place.headers, "Content-Type": "application/json"}
    try:
        request = urllib.request.Request(address, data, headers, method=method)
        with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as error:
        hint = ". The token may not write to pull requests" if error.code in (401, 403) else ""
        raise CommentError(f"{method} {address}: {error.code} {error.reason}{hint}") from error
    except OSError as error:
        raise CommentError(f"{method} {address}: {error}") from error


def _text(file: Path, environment: Mapping[str, str]) -> str:
    try:
        return file.read_text()
    except FileNotFoundError:
        run = environment.get("CI_PIPELINE_URL") or "{}/{}/actions/runs/{}".format(
            *(environment.get(name, "") for name in ("GITHUB_SERVER_URL", "GITHUB_REPOSITORY", "GITHUB_RUN_ID"))
        )
        return f"{MARKER}\n\n## ❌ There is no preview\n\nA step before it failed: {run}\n"


def main(arguments: list[str]) -> int:
    """Exit code: 0, the comment is written; 1, it is not; 2, wrong usage."""
    if len(arguments) != 1:
        print("usage: python3 -m stackctl.gate.pull_request_comment FILE", file=sys.stderr)
        return 2
    try:
        text = _text(Path(arguments[0]), os.environ)
        if text.partition("\n")[0] != MARKER:
            print(f"{arguments[0]}: its first line is not a marker. Write it: python -m stackctl.gate", file=sys.stderr)
            return 2
        print(f"The comment is {write(discussion(os.environ), text)}.")
    except (CommentError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
