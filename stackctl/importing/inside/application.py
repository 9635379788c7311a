"""Open WebUI's own modules."""

import importlib
from functools import cache
from typing import Any

from .pod_scripts import faster_import


def module(name: str) -> Any:
    """A module of Open WebUI, imported as the web pods import it."""
    _prepare()
    return importlib.import_module(name)


@cache
def _prepare() -> None:
    faster_import.prepare_import()
