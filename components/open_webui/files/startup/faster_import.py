"""Import Open WebUI with less work: no bytecode compiled twice, fewer garbage collections, a short changelog.

Nothing of what Open WebUI does afterwards is different. Measured in docs/measurements.md, reasons in
docs/decisions/0055-start-of-a-pod.md.
"""

import gc
import importlib
import importlib.util
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

COLLECTION_OBJECTS = 10_000
"""New objects before a garbage collection; Python's default is 700. 50,000 save no more CPU (docs/throughput.md)."""

SERVED_RELEASES = 5
"""Releases of the changelog that Open WebUI shows: GET /api/changelog."""

_HEADING = "\n## ["
_COMPILED = "uvicorn"
"""A package that every image contains. If its modules are compiled, those of the image are."""


def prepare_import() -> None:
    """Prepare the first import of a module of Open WebUI."""
    gc.set_threshold(COLLECTION_OBJECTS)
    if image_has_bytecode():
        # PYTHONPYCACHEPREFIX would hide it.
        sys.pycache_prefix = None
    # The import of Open WebUI that follows reports the missing module.
    with short_changelog(), suppress(ModuleNotFoundError):
        importlib.import_module("open_webui.env")


def image_has_bytecode() -> bool:
    """Whether the image has its modules compiled."""
    return has_bytecode(_COMPILED)


def has_bytecode(package: str) -> bool:
    """Whether the image has the modules of an installed package compiled for its Python."""
    spec = importlib.util.find_spec(package)
    directories = (spec.submodule_search_locations if spec else None) or ()
    tag = f"*.{sys.implementation.cache_tag}.pyc"
    return any(True for directory in directories for _ in Path(directory, "__pycache__").glob(tag))


@contextmanager
def short_changelog() -> Iterator[None]:
    """Show Open WebUI the newest releases of its changelog only.

    Its module ``env`` converts the changelog of every release to HTML and parses the HTML, which takes a fifth of the
    CPU time of the import. Only `SERVED_RELEASES` of them are shown.
    """
    try:
        markdown: Any = importlib.import_module("markdown")
        complete = markdown.markdown
    except (ImportError, AttributeError):
        # This release does without.
        yield
        return
    markdown.markdown = lambda text, **options: complete(newest_releases(text), **options)
    try:
        yield
    finally:
        markdown.markdown = complete


def newest_releases(changelog: str) -> str:
    """The changelog without releases that are never shown."""
    return _HEADING.join(changelog.split(_HEADING)[: SERVED_RELEASES + 1])
