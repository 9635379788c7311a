"""An empty database and three replicas; then everything that `make verify` checks, and its page."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from stackctl.deployed.stack import WEB, Stack, restarts
from stackctl.verify.checks import all_checks
from tests.support.e2e.measurements import RESTARTS, Measurements
from tests.support.e2e.node import Node
from tests.support.report_page import report_browser, save_picture


@dataclass(frozen=True)
class Report:
    """What `stackctl verify` reports."""

    results: dict[str, dict[str, Any]]
    """Of each check, by its name."""

    page: Path


@pytest.fixture(scope="module")
def report(node: Node, stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Report:  # noqa: ARG001
    """The report on the stack, from one run of the command."""
    page = tmp_path_factory.mktemp("verify") / "report.html"
    done = node.run("verify", "--env", "dev", "--json", "--html", str(page))
    # 1: a check fails, and its own test shows it.
    assert done.returncode in (0, 1), f"{done.stdout[-2000:]}\n{done.stderr[-2000:]}"
    return Report({result["check"]: result for result in json.loads(done.stdout)["checks"]}, page)


def test_three_replicas_start_on_an_empty_database_without_a_restart(stack: Stack, measurements: Measurements) -> None:
    pods = stack.ready(WEB)
    assert len(pods) == 3
    again = sum(map(restarts, pods))
    measurements.add(RESTARTS, str(again))
    assert again == 0


@pytest.mark.parametrize("check", [check.name for check in all_checks()])
def test_what_make_verify_checks(report: Report, check: str) -> None:
    result = report.results[check]
    assert result["outcome"] == "pass", result["detail"]
    assert result["detail"]


def test_the_page_of_make_verify_shows_the_checks_and_the_stack(report: Report) -> None:
    with report_browser() as page:
        page.goto(report.page.as_uri())
        assert page.locator("tbody tr").count() == len(report.results)
        assert page.locator("#summary").inner_text() == f"{len(report.results)} passed, 0 failed, 0 cannot run here"
        drawn = page.locator("#drawing svg")
        assert {"open-webui", "3/3 ready", "redis", "postgres"} <= set(drawn.locator("text").all_text_contents())
        assert drawn.locator(".failing").count() == 0
        save_picture(page, "verify.png")


def test_the_image_is_that_of_the_program(stack: Stack) -> None:
    """The pods run the manifests as they were deployed, not changed for the node."""
    [container] = stack.deployment()["spec"]["template"]["spec"]["containers"]
    assert container["image"].startswith("ghcr.io/open-webui/open-webui:v")
    assert container["securityContext"]["readOnlyRootFilesystem"] is True
