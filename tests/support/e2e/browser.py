"""A person at a browser: signs in, asks, and reads the answer."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Page, sync_playwright

from stack_config.files import ROOT
from stackctl.deployed.stack import Stack
from tests.support.e2e.model_server import MODEL

SCREENSHOTS = ROOT / "artifacts" / "e2e"
_BROWSER = shutil.which("chromium")


@contextmanager
def opened(url: str, *, addresses: dict[str, str] | None = None) -> Iterator[Page]:
    """A browser with the page of a URL; its last picture is kept.

    Args:
        url: URL of the web interface.
        addresses: IP addresses of host names that DNS does not have. Any certificate is accepted.
    """
    assert _BROWSER, "the browser is missing: apt-get install chromium"
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    # Chromium's own sandbox does not start for root.
    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
    rules = ", ".join(f"MAP {host} {address}" for host, address in (addresses or {}).items())
    if rules:
        arguments.append(f"--host-resolver-rules={rules}")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=_BROWSER, args=arguments)
        page = browser.new_page(ignore_https_errors=bool(rules))
        try:
            page.goto(url)
            yield page
        finally:
            page.screenshot(path=SCREENSHOTS / "last.png")
            browser.close()


def sign_in(stack: Stack, page: Page) -> None:
    """Sign in as the administrator, and close the news of the version whenever they appear."""
    news = page.get_by_role("button", name="Okay, Let's Go!")
    page.add_locator_handler(news, lambda: news.click())
    administrator = stack.administrator()
    page.locator("input[type=email]").fill(administrator.email)
    page.locator("input[type=password]").fill(administrator.password)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_text(MODEL).first.wait_for()


def ask(page: Page, question: str) -> None:
    """Write into the chat, and send."""
    page.locator("#chat-input").click()
    page.keyboard.type(question)
    page.keyboard.press("Enter")
