"""Hooks of MkDocs, which calls them by name: https://www.mkdocs.org/user-guide/configuration/#hooks"""

from pathlib import Path
from typing import Any


def on_config(config: dict[str, Any]) -> dict[str, Any]:
    """Add the pages that the navigation does not name to the section of their directory, by file name.

    A section has a directory if its first entry is the index of that directory. The README of a directory below it is
    a page of the section, too. The title is the heading of the page.
    """
    docs = Path(config["docs_dir"])
    for pages in (pages for section in config["nav"] for pages in section.values() if isinstance(pages, list)):
        index = docs / str(pages[0])
        if index.name not in ("index.md", "README.md"):
            continue
        named = {path for entry in pages for path in (entry.values() if isinstance(entry, dict) else [entry])}
        for page in sorted([*index.parent.glob("*.md"), *index.parent.glob("*/README.md")]):
            if (path := page.relative_to(docs).as_posix()) not in named:
                pages.append({page.read_text().partition("\n")[0].removeprefix("# "): path})
    return config
