"""Pipelines: own commands, pinned actions, least permissions, deploys that are not cancelled."""

import importlib.util
import os
import re
import shlex
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from stack_config.files import ROOT
from tests.support.unit.documentation import targets, variables

WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
GITLAB = ROOT / ".gitlab-ci.yml"
READ, OIDC, COMMENT = {"contents": "read"}, {"id-token": "write"}, {"pull-requests": "write"}
_PINNED = re.compile(r"^[\w.-]+/[\w./-]+@[0-9a-f]{40} # v\d+(\.\d+)*$")
_PULUMI = {"install", "up", "login", "preview"}
_SHELL = {"cat", "test", "git", "apt-get"}
"""Commands that only prepare."""


@cache
def workflow(path: Path) -> dict[str, Any]:
    """A workflow; YAML 1.1 reads the key `on` as true."""
    document: dict[Any, Any] = yaml.safe_load(path.read_text())
    return {("on" if key is True else key): value for key, value in document.items()}


def jobs() -> Iterator[tuple[str, dict[str, Any]]]:
    for path in WORKFLOWS:
        for name, job in workflow(path)["jobs"].items():
            yield f"{path.stem}/{name}", job


@cache
def gitlab() -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load(GITLAB.read_text())
    return document


def gitlab_jobs() -> dict[str, dict[str, Any]]:
    return {name: value for name, value in gitlab().items() if isinstance(value, dict) and "script" in value}


def steps() -> list[tuple[str, str]]:
    actual = [(name, step["run"]) for name, job in jobs() for step in job["steps"] if "run" in step]
    return actual + [(name, line) for name, job in gitlab_jobs().items() for line in job["script"]]


def unknown(command: str) -> Iterator[str]:
    """What a step calls that the project does not have."""
    for part in re.split(r"&&|\|\|", command):
        words = [word for word in shlex.split(part) if word not in ("true", "sudo")]
        if not words:
            continue
        program = words[0].removeprefix(".venv/bin/")
        if program == "make":
            words = words[3:] if words[1] == "-C" else words[1:]
            yield from (word for word in words if "=" not in word and word not in targets() | {".venv/ready"})
            yield from (word for word in words if "=" in word and word.partition("=")[0] not in variables())
        elif program in ("python", "python3") and words[1] == "-m":
            yield from (words[2:3] if importlib.util.find_spec(words[2]) is None else ())
        elif program == "bash":
            yield from (words[1:2] if not (ROOT / words[1]).is_file() else ())
        elif program == "pulumi" and words[1] == "refresh":
            yield from (() if "--preview-only" in words else (part,))
        elif not (program == "pulumi" and words[1] in _PULUMI) and program not in _SHELL:
            yield part


@pytest.mark.parametrize(("job", "command"), steps())
def test_a_step_is_a_command_of_the_project(job: str, command: str) -> None:
    assert list(unknown(command)) == [], job


@pytest.mark.parametrize(
    "command",
    [
        "make nothing",
        "make up NOTHING=1",
        "python3 -m stackctl.nothing",
        "bash .ci/nothing",
        "curl x | sh",
        "pulumi destroy",
        "pulumi refresh --stack prod --yes",
    ],
)
def test_a_step_that_is_none_is_found(command: str) -> None:
    assert len(list(unknown(command))) == 1


def test_every_action_is_pinned_by_commit() -> None:
    uses = [use for path in WORKFLOWS for use in re.findall(r"uses: (.+)$", path.read_text(), re.MULTILINE)]
    assert len(uses) >= 15
    assert [use for use in uses if not _PINNED.match(use)] == []
    versions = {use.partition(" # ")[0].partition("@")[0]: set[str]() for use in uses}
    for use in uses:
        versions[use.partition("@")[0]].add(use)
    assert [sorted(pins) for pins in versions.values() if len(pins) > 1] == []


def test_permissions_are_the_least() -> None:
    assert all(workflow(path)["permissions"] == {} for path in WORKFLOWS)
    configured = {name: job["permissions"] for name, job in jobs()}
    assert configured == {
        "deploy/dev": READ | OIDC,
        "deploy/prod": READ | OIDC,
        "drift/dev": READ | OIDC,
        "drift/prod": READ | OIDC,
        "preview/comment": READ | COMMENT,
        "preview/preview": READ,
        "preview-deployed/preview": READ | OIDC,
        "tests/tests": READ,
    }


def test_no_checkout_keeps_the_token_and_every_job_ends() -> None:
    for name, job in jobs():
        checkouts = [step for step in job["steps"] if step.get("uses", "").startswith("actions/checkout@")]
        assert checkouts, name
        assert all(step["with"]["persist-credentials"] is False for step in checkouts), name
        assert job["timeout-minutes"] <= 90, name


def test_a_pull_request_has_no_secret_and_no_identity() -> None:
    for path in WORKFLOWS:
        triggers = workflow(path)["on"]
        assert "pull_request_target" not in triggers
        assert "workflow_run" not in triggers
        if "pull_request" in triggers and path.stem != "preview-deployed":
            assert "secrets." not in path.read_text()
            assert "id-token" not in path.read_text()


def test_the_deployed_stacks_are_previewed_only_where_somebody_wants_it_and_never_for_a_fork() -> None:
    (job,) = [job for name, job in jobs() if name.startswith("preview-deployed/")]
    condition = job["if"].removeprefix("${{ ").removesuffix(" }}").split(" && ")
    assert condition == [
        "vars.PREVIEW_DEPLOYED == 'true'",
        "github.event.pull_request.head.repo.full_name == github.repository",
    ]
    # Accounts of their own: those that deploy are for the default branch and tags.
    assert job["environment"] == "preview-${{ matrix.stack }}"
    assert job["strategy"]["matrix"] == {"stack": ["dev", "prod"]}
    previews = [step for step in job["steps"] if step.get("run", "").startswith("pulumi preview")]
    gates = [step for step in job["steps"] if "-m stackctl gate" in step.get("run", "")]
    assert [step["continue-on-error"] for step in previews] == [True]
    assert [step.get("continue-on-error", False) for step in gates] == [False]
    for stack in ("dev", "prod"):
        actual = gitlab_jobs()[f"preview-deployed-{stack}"]
        [rule] = gitlab()[actual["extends"]]["rules"]
        expected = {'$PREVIEW_DEPLOYED == "true"', "$CI_MERGE_REQUEST_SOURCE_PROJECT_ID == $CI_PROJECT_ID"}
        assert expected <= set(rule["if"].split(" && "))
        assert actual["environment"] == {"name": f"preview-{stack}", "action": "verify"}


def test_what_may_write_runs_the_code_of_the_base() -> None:
    (job,) = [job for name, job in jobs() if name == "preview/comment"]
    assert [step["with"]["ref"] for step in job["steps"] if "actions/checkout" in step.get("uses", "")] == [
        "${{ github.event.pull_request.base.sha }}"
    ]
    assert "head.repo.full_name == github.repository" in job["if"]
    *before, write = gitlab_jobs()["comment"]["script"]
    assert before[-1] == 'git checkout --detach "$CI_MERGE_REQUEST_DIFF_BASE_SHA"'
    assert write.startswith("python3 -m stackctl.gate.pull_request_comment")


def test_superseded_previews_are_cancelled_and_deploys_are_not() -> None:
    actual = {path.stem: workflow(path).get("concurrency", {}) for path in WORKFLOWS}
    assert {name: group.get("cancel-in-progress") for name, group in actual.items()} == {
        "deploy": None,
        "drift": None,
        "preview": True,
        "preview-deployed": True,
        "tests": True,
    }
    for name, job in jobs():
        if name.startswith(("deploy/", "drift/")):
            group = {"group": f"stack-{name.partition('/')[2]}", "cancel-in-progress": False}
            assert job["concurrency"] == group
    cancelled = {rule["if"]: rule["auto_cancel"]["on_new_commit"] for rule in gitlab()["workflow"]["rules"]}
    assert [rule for rule, cancel in cancelled.items() if cancel != "none"] == [
        '$CI_PIPELINE_SOURCE == "merge_request_event"'
    ]
    assert gitlab()["default"]["interruptible"] is True
    assert gitlab()[".stack"]["interruptible"] is False
    for name, job in gitlab_jobs().items():
        if name.startswith(("deploy-", "drift-")):
            assert job["extends"] == ".stack"
            assert job["resource_group"] == f"stack-{name.partition('-')[2]}"


def test_a_merge_deploys_dev_and_a_tag_prod_with_approval() -> None:
    deploy = dict(jobs())
    assert deploy["deploy/dev"]["if"] == "${{ github.ref == 'refs/heads/main' }}"
    assert deploy["deploy/prod"]["if"] == "${{ github.ref_type == 'tag' }}"
    assert deploy["deploy/prod"]["environment"] == "prod"
    assert gitlab_jobs()["deploy-prod"]["rules"] == [{"if": "$CI_COMMIT_TAG =~ /^v/", "when": "manual"}]
    ups = [command for _, command in steps() if command.startswith("pulumi up")]
    assert sorted(ups) == sorted(2 * [f"pulumi up --stack {name} --yes --non-interactive" for name in ("dev", "prod")])


@pytest.mark.parametrize(("content", "code"), [("apiVersion: v1", 0), ("", 1)])
def test_the_kubeconfig_is_for_the_owner_only(tmp_path: Path, content: str, code: int) -> None:
    environment = {"PATH": os.environ["PATH"], "KUBECONFIG_CONTENT": content, "RUNNER_TEMP": str(tmp_path)}
    done = subprocess.run(["bash", ROOT / ".ci" / "kubeconfig"], env=environment, capture_output=True, text=True)
    assert done.returncode == code
    file = tmp_path / "kubeconfig"
    assert done.stdout == ""
    if code:
        assert "KUBECONFIG_CONTENT" in done.stderr
        assert not file.exists()
    else:
        assert file.read_text() == content + "\n"
        assert file.stat().st_mode & 0o777 == 0o600


def test_the_comment_module_needs_no_packages() -> None:
    command = ["python3", "-S", "-m", "stackctl.gate.pull_request_comment"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (2, "usage: python3 -m stackctl.gate.pull_request_comment FILE\n")


def test_the_cli_is_of_the_version_of_the_library() -> None:
    library = re.search(r"^pulumi==(\S+)", (ROOT / "requirements.txt").read_text(), re.MULTILINE)
    assert library is not None
    assert gitlab()[".stack"]["image"]["name"] == f"pulumi/pulumi-python:{library[1]}"
    installed = [
        step["with"]["pulumi-version"]
        for _, job in jobs()
        for step in job["steps"]
        if step.get("uses", "").startswith("pulumi/actions@")
    ]
    assert installed == [library[1]] * 5


def test_drift_is_of_the_state() -> None:
    """Of `prod` the default branch is ahead: with the program every night would be drift."""
    expected = ["--preview-only", "--expect-no-changes", "--diff", "--non-interactive"]
    drift = [command.split() for name, command in steps() if "drift" in name and "kubeconfig" not in command]
    refreshes = [words for words in drift if words[1] != "install"]
    assert sorted(words[3] for words in refreshes) == ["dev", "dev", "prod", "prod"]
    assert all(words[:3] == ["pulumi", "refresh", "--stack"] and words[4:] == expected for words in refreshes)


def test_a_comment_is_written_whatever_happened_and_never_for_a_fork() -> None:
    (job,) = [job for name, job in jobs() if name == "preview/comment"]
    download, write = job["steps"][1:]
    assert job["if"].startswith("${{ !cancelled() && ")
    assert download["continue-on-error"] is True
    assert download["with"]["path"] == "${{ runner.temp }}/comment"
    assert "$RUNNER_TEMP/comment/comment.md" in write["run"]
    [rule] = gitlab_jobs()["comment"]["rules"]
    assert rule["when"] == "always"
    for project in ("SOURCE_PROJECT_ID", "PROJECT_ID"):
        assert f"$CI_MERGE_REQUEST_{project} == $CI_PROJECT_ID" in rule["if"]


def test_nothing_of_a_pull_request_is_in_a_script() -> None:
    """An expression is put into the script before the shell reads it: a branch called `$(…)` would run."""
    scripts = [step["run"] for _, job in jobs() for step in job["steps"] if "run" in step]
    assert len(scripts) > 15
    assert [script for script in scripts if "${{" in script] == []
