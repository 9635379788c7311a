"""The page of `verify --html` in a browser: it shows every check and the drawing, and asks no server for anything."""

import os
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from playwright.sync_api import Page, sync_playwright

from stackctl.verify import report
from stackctl.verify.checks import all_checks
from stackctl.verify.page import drawn, page
from tests.support.servers.server_process import missing
from tests.support.unit.verify_cluster import FakeCluster

SCRIPT = "<script>document.title = 'changed'</script>"


@pytest.fixture
def browser_page() -> Iterator[Page]:
    """A browser without a network."""
    program = shutil.which("chromium")
    if not program:
        missing("chromium", "chromium")
    with sync_playwright() as playwright:
        arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
        browser = playwright.chromium.launch(executable_path=program, args=arguments)
        try:
            context = browser.new_context(offline=True, viewport={"width": 1100, "height": 900})
            yield context.new_page()
        finally:
            browser.close()


def test_the_page_is_complete_and_loads_nothing(browser_page: Page, tmp_path: Path) -> None:
    cluster = FakeCluster(pong=SCRIPT)
    results = report.run(all_checks(), cluster.stack)
    file = tmp_path / "report.html"
    at = datetime(2026, 1, 10, 12, tzinfo=UTC)
    file.write_text(page(results, drawn(cluster.stack), namespace="rag-system", context="mine", at=at))
    requests: list[str] = []
    problems: list[str] = []
    browser_page.on("request", lambda request: requests.append(request.url))
    browser_page.on("console", lambda message: problems.append(message.text))
    browser_page.on("pageerror", lambda error: problems.append(str(error)))
    browser_page.goto(file.as_uri())
    assert (requests, problems) == ([file.as_uri()], [])
    assert browser_page.title() == "Checks of Open WebUI in rag-system"
    assert browser_page.locator("#summary").inner_text() == "16 passed, 1 failed, 0 cannot run here"
    rows = browser_page.locator("tbody tr")
    assert rows.count() == len(results)
    [failed] = [row for row in rows.all() if row.locator("td.outcome").inner_text() == "fail"]
    assert SCRIPT in failed.inner_text()
    color = failed.locator("td.outcome").evaluate("cell => getComputedStyle(cell).color")
    assert color == "rgb(207, 34, 46)"
    texts = browser_page.locator("#drawing svg text")
    assert {"open-webui", "2/2 ready", "redis", "postgres"} <= set(texts.all_text_contents())
    # Each text of the drawing is inside it, and the page does not scroll to the side.
    frame = browser_page.locator("#drawing svg").bounding_box()
    assert frame
    for text in texts.all():
        box = text.bounding_box()
        assert box
        assert frame["x"] <= box["x"]
        assert box["x"] + box["width"] <= frame["x"] + frame["width"]
    width = browser_page.evaluate("document.documentElement.scrollWidth")
    assert width <= 1100
