"""The documentation site: it builds without warnings, has every page, and loads nothing from other servers."""

import os
import re
import subprocess
from html.parser import HTMLParser
from pathlib import Path

import pytest

from stack_config.files import ROOT

DOCS = ROOT / "docs"
_LOADED = {"script": "src", "img": "src", "link": "href", "iframe": "src", "source": "src"}
_LOADED_LINKS = ("stylesheet", "icon", "preload", "preconnect")
_REMOTE = re.compile(r"(?:https?:)?//")
_REMOTE_IN_STYLES = re.compile(r"@import|url\(\s*[\"']?(?:https?:)?//")


class Loaded(HTMLParser):
    """The addresses that a browser loads with a page."""

    def __init__(self) -> None:
        super().__init__()
        self.addresses: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = dict(attrs)
        address = attributes.get(_LOADED.get(tag, ""))
        if address and (tag != "link" or attributes.get("rel") in _LOADED_LINKS):
            self.addresses.append(address)


def mkdocs(*arguments: str | Path, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    command = [ROOT / ".venv-docs" / "bin" / "python", "-m", "mkdocs", *arguments]
    environment = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    return subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built site; every warning of MkDocs is an error (`strict` in mkdocs.yml)."""
    directory = tmp_path_factory.mktemp("site")
    built = mkdocs("build", "--site-dir", directory)
    assert built.returncode == 0, built.stderr
    return directory


def test_every_document_is_a_page(site: Path) -> None:
    names = {page.relative_to(DOCS).with_suffix(".html").as_posix() for page in DOCS.rglob("*.md")}
    expected = {re.sub(r"README\.html$", "index.html", name) for name in names}
    assert {page.relative_to(site).as_posix() for page in site.rglob("*.html")} - {"404.html"} == expected
    assert len(expected) > 50


def test_a_browser_loads_nothing_from_other_servers(site: Path) -> None:
    for page in site.rglob("*.html"):
        parser = Loaded()
        parser.feed(page.read_text())
        assert len(parser.addresses) >= 3, page
        assert [address for address in parser.addresses if _REMOTE.match(address)] == [], page
    styles = [*site.rglob("*.css")]
    assert styles
    assert [style.name for style in styles if _REMOTE_IN_STYLES.search(style.read_text())] == []


def test_a_broken_link_and_a_missing_page_are_errors(tmp_path: Path) -> None:
    config = (ROOT / "mkdocs.yml").read_text()
    config = config[: config.index("nav:\n  - Overview")] + "nav:\n  - Overview: index.md\n"
    config = config.replace("scripts/site_hooks.py", str(ROOT / "scripts" / "site_hooks.py"))
    (tmp_path / "mkdocs.yml").write_text(config)
    docs = tmp_path / "docs"
    docs.mkdir()
    (docs / "index.md").write_text("# A\n\n[x](missing.md), [y](#missing)\n")
    (docs / "other.md").write_text("# B\n")
    built = mkdocs("build", cwd=tmp_path)
    assert built.returncode == 1
    for message in ("'missing.md'", "'#missing'", "other.md"):
        assert message in built.stderr
