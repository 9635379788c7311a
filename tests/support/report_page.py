"""The page of `stackctl verify --html` in a browser, and its picture for the docs: `E2E_PICTURES=directory` writes it.

E2E_PICTURES=docs/images .venv/bin/python -m pytest -q -s -rs tests/e2e/test_first_start.py
"""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Page, sync_playwright

from stack_config.files import ROOT
from tests.support.servers.server_process import missing

PICTURES_VARIABLE = "E2E_PICTURES"
"""Environment variable with the directory of the pictures that a run writes."""

WIDTH = 1100


@contextmanager
def report_browser() -> Iterator[Page]:
    """A browser without a network, in light colors."""
    program = shutil.which("chromium")
    if not program:
        missing("chromium", "chromium")
    with sync_playwright() as playwright:
        # Chromium's own sandbox does not start for root.
        arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
        browser = playwright.chromium.launch(executable_path=program, args=arguments)
        try:
            context = browser.new_context(offline=True, viewport={"width": WIDTH, "height": 900}, color_scheme="light")
            yield context.new_page()
        finally:
            browser.close()


def save_picture(page: Page, name: str) -> None:
    """Write the whole page as a PNG, if this run is for the pictures."""
    if directory := os.environ.get(PICTURES_VARIABLE):
        page.screenshot(path=ROOT / directory / name, full_page=True)
