"""Before Open WebUI is imported: everything that is done leaves its behavior as it is."""

import gc
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from components.open_webui.files.startup import faster_import
from components.open_webui.files.startup.faster_import import newest_releases, short_changelog

RELEASES = [f"## [0.{number}.0] - 2026-01-01\n\n### Added\n\n- Something.\n" for number in range(9, 0, -1)]
CHANGELOG = "# Changelog\n\n" + "\n".join(RELEASES)


@pytest.fixture
def application(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A package `open_webui` and an image around it; what the test changes in Python is restored."""
    threshold = gc.get_threshold()
    (tmp_path / "open_webui").mkdir()
    (tmp_path / "open_webui/__init__.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "pycache_prefix", str(tmp_path / "cache"))
    yield tmp_path
    gc.set_threshold(*threshold)
    for name in ("open_webui", "open_webui.env", "uvicorn"):
        sys.modules.pop(name, None)


def package_with_bytecode(directory: Path, file: str) -> None:
    (directory / "uvicorn/__pycache__").mkdir(parents=True)
    (directory / "uvicorn/__init__.py").touch()
    (directory / "uvicorn/__pycache__" / file).touch()


def test_the_changelog_keeps_the_releases_that_are_shown() -> None:
    shown = newest_releases(CHANGELOG)
    assert shown == "# Changelog\n\n" + "\n".join(RELEASES[:5])
    assert newest_releases(shown) == shown
    assert newest_releases("# Changelog\n") == "# Changelog\n"


def test_markdown_converts_everything_else_in_full(monkeypatch: pytest.MonkeyPatch) -> None:
    def whole(text: str, **options: object) -> tuple[str, dict[str, object]]:
        return text, options

    module = SimpleNamespace(markdown=whole)
    monkeypatch.setitem(sys.modules, "markdown", module)
    with short_changelog():
        assert module.markdown(CHANGELOG, tab_length=2) == (newest_releases(CHANGELOG), {"tab_length": 2})
    assert module.markdown is whole


def test_markdown_is_itself_again_after_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    module = SimpleNamespace(markdown=str)
    monkeypatch.setitem(sys.modules, "markdown", module)
    with pytest.raises(RuntimeError), short_changelog():
        raise RuntimeError
    assert module.markdown is str


@pytest.mark.parametrize("module", [None, SimpleNamespace()], ids=["not installed", "without the function"])
def test_a_release_without_that_markdown_is_imported(
    module: object, application: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "markdown", module)
    (application / "open_webui/env.py").write_text("imported = True")
    faster_import.prepare_import()
    assert sys.modules["open_webui.env"].imported
    assert gc.get_threshold()[0] == faster_import.COLLECTION_OBJECTS


@pytest.mark.usefixtures("application")
def test_a_release_without_the_module_is_left_to_its_own_import() -> None:
    faster_import.prepare_import()
    assert "open_webui.env" not in sys.modules


def test_an_error_of_the_application_is_its_own(application: Path) -> None:
    (application / "open_webui/env.py").write_text("raise ValueError('Required environment variable not found')")
    with pytest.raises(ValueError, match="Required environment variable"):
        faster_import.prepare_import()


@pytest.mark.parametrize(
    ("file", "shared"),
    [
        (f"main.{sys.implementation.cache_tag}.pyc", False),
        ("main.cpython-27.pyc", True),
        (f"main.{sys.implementation.cache_tag}.pyc.140", True),
    ],
)
def test_the_bytecode_of_the_image_is_used_where_it_has_some(application: Path, file: str, shared: bool) -> None:
    package_with_bytecode(application, file)
    faster_import.prepare_import()
    assert sys.pycache_prefix == (str(application / "cache") if shared else None)
