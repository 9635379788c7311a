"""The page of `verify --html` in a browser: it shows every check and the drawing, and asks no server for anything."""

import struct
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest
from playwright.sync_api import Page

from stackctl.verify import report
from stackctl.verify.checks import all_checks
from stackctl.verify.page import drawn, page
from tests.support.report_page import PICTURES_VARIABLE, WIDTH, report_browser, save_picture
from tests.support.unit.verify_cluster import FakeCluster

SCRIPT = "<script>document.title = 'changed'</script>"
KIBIBYTE = 1024


@pytest.fixture
def browser_page() -> Iterator[Page]:
    """A browser without a network."""
    with report_browser() as page:
        yield page


def written(cluster: FakeCluster, file: Path) -> Sequence[report.Result]:
    """Check a cluster, and write the page to the file."""
    results = report.run(all_checks(), cluster.stack)
    at = datetime(2026, 1, 10, 12, tzinfo=UTC)
    file.write_text(page(results, drawn(cluster.stack), namespace="rag-system", context="mine", at=at))
    return results


def test_the_page_is_complete_and_loads_nothing(browser_page: Page, tmp_path: Path) -> None:
    file = tmp_path / "report.html"
    results = written(FakeCluster(pong=SCRIPT), file)
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
    assert width <= WIDTH


def test_the_picture_of_the_page_is_a_small_png(
    browser_page: Page, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, picture = tmp_path / "report.html", tmp_path / "verify.png"
    written(FakeCluster(), file)
    browser_page.goto(file.as_uri())
    monkeypatch.delenv(PICTURES_VARIABLE, raising=False)
    save_picture(browser_page, picture.name)
    assert not picture.exists()
    monkeypatch.setenv(PICTURES_VARIABLE, str(tmp_path))
    save_picture(browser_page, picture.name)
    image = picture.read_bytes()
    assert image.startswith(b"\x89PNG")
    width, height = struct.unpack(">II", image[16:24])
    assert width == WIDTH
    # The whole page, not only what the window shows.
    assert height == browser_page.evaluate("document.documentElement.scrollHeight") > 900
    assert len(image) < 300 * KIBIBYTE
    # The colors of the page are those of the browser: dark in a dark one.
    assert browser_page.evaluate("matchMedia('(prefers-color-scheme: light)').matches")
