"""The parts of the import that need neither Open WebUI nor a database: values, settings, differences."""

import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from stackctl.importing.inside.panel_settings import decided_settings, local_settings
from stackctl.importing.inside.text import ConversionError, text_of

CONFIG = """
import os
OPENAI_API_BASE_URL = os.getenv("OPENAI_API_BASE_URL", "")
OPENAI_API_BASE_URLS = os.getenv("OPENAI_API_BASE_URLS", "")
OPENAI_API_BASE_URLS = OPENAI_API_BASE_URLS if OPENAI_API_BASE_URLS != "" else OPENAI_API_BASE_URL
if True:
    OPENAI_API_BASE_URLS = [url.strip() for url in OPENAI_API_BASE_URLS.split(";")]
RAG_TOP_K = int(os.environ.get("RAG_TOP_K", "3"))
DEFAULT_LOCALE = os.getenv("DEFAULT_LOCALE", "")
DEFAULT_CONFIG = {
    "openai.api_base_urls": OPENAI_API_BASE_URLS,
    "rag.top_k": RAG_TOP_K,
    "ui.default_locale": DEFAULT_LOCALE,
}
"""


@pytest.fixture
def startup_scripts(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The package ``startup`` as a pod has it."""
    before = set(sys.modules)
    monkeypatch.syspath_prepend(str(Path("components/open_webui/files").resolve()))
    yield
    for name in set(sys.modules) - before:
        if name.startswith(("startup", "stackctl.importing.inside")):
            del sys.modules[name]


@pytest.mark.parametrize(
    ("value", "column_type", "text"),
    [
        (None, "json", None),
        (1, "boolean", "t"),
        (0, "boolean", "f"),
        ("true", "boolean", "t"),
        (1764000000, "bigint", "1764000000"),
        (1764000000.0, "bigint", "1764000000"),
        ("17", "integer", "17"),
        ('{"b": 1.0, "a": null}', "json", '{"b": 1.0, "a": null}'),
        ("null", "json", "null"),
        (5, "json", "5"),
        (0.5, "json", "0.5"),
        ("2026-01-02 03:04:05.120000", "timestamp without time zone", "2026-01-02 03:04:05.12"),
        ("2026-01-02T03:04:05.000000", "timestamp without time zone", "2026-01-02 03:04:05"),
        ("a\0b", "text", "ab"),
        (7, "character varying", "7"),
    ],
)
def test_a_value_becomes_the_text_that_postgresql_prints(value: Any, column_type: str, text: str | None) -> None:
    assert text_of(value, "column", column_type) == text


@pytest.mark.parametrize(
    ("value", "column_type"),
    [
        (2, "boolean"),
        (1.5, "bigint"),
        ("x", "integer"),
        (float("inf"), "bigint"),
        ("today", "timestamp"),
        (b"x", "text"),
    ],
)
def test_a_value_that_does_not_fit_is_refused_without_the_value(value: Any, column_type: str) -> None:
    with pytest.raises(ConversionError, match=f"^the value of created_at does not fit the type {column_type}$"):
        text_of(value, "created_at", column_type)


def test_a_setting_is_the_stacks_when_a_variable_decides_its_default() -> None:
    assert decided_settings(CONFIG, ["OPENAI_API_BASE_URL"]) == {"openai.api_base_urls"}
    assert decided_settings(CONFIG, ["OPENAI_API_BASE_URLS", "RAG_TOP_K"]) == {"openai.api_base_urls", "rag.top_k"}
    assert decided_settings(CONFIG, ["DATABASE_URL"]) == frozenset()


def test_urls_of_the_sources_machine_are_found_at_any_depth() -> None:
    settings = {
        "a": '["http://localhost:11434"]',
        "b": '{"0": {"url": "http://host.docker.internal:9099/v1"}}',
        "c": '"http://localhost.example.com"',
        "d": '"https://api.example.com"',
        "e": "null",
        "f": None,
        "g": '"HTTP://127.0.0.1/x"',
    }
    assert local_settings(settings) == ["a", "b", "g"]


@pytest.mark.usefixtures("startup_scripts")
def test_rows_are_compared_by_primary_key() -> None:
    tables, difference = (import_module(f"stackctl.importing.inside.{name}") for name in ("tables", "difference"))
    chat = tables.Table(name="chat", types={"id": "text", "title": "text"}, key=("id",))
    source = [("1", "same"), ("2", "new title"), ("3", None)]
    stack = [("1", "same"), ("2", "title"), ("4", "mine")]
    compared = difference.compare(chat, source, stack)
    assert (compared.source, compared.new, compared.changed, compared.lost) == (3, 1, 1, 1)
    assert difference.compare(chat, source, reversed(source)).is_empty
    # A missing value is not an empty one.
    assert difference.compare(chat, [("3", "")], [("3", None)]).changed == 1


@pytest.mark.usefixtures("startup_scripts")
@pytest.mark.parametrize(
    ("environment", "path"),
    [
        ({"DATA_DIR": "/var/lib/open-webui"}, "/var/lib/open-webui/uploads/a.txt"),
        ({"STORAGE_PROVIDER": "s3", "S3_BUCKET_NAME": "b"}, "s3://b/a.txt"),
        ({"STORAGE_PROVIDER": "s3", "S3_BUCKET_NAME": "b", "S3_KEY_PREFIX": "p/q"}, "s3://b/p/q/a.txt"),
        ({"STORAGE_PROVIDER": "gcs", "GCS_BUCKET_NAME": "b"}, "gs://b/a.txt"),
    ],
)
def test_the_path_of_a_file_is_that_of_the_stacks_storage(environment: dict[str, str], path: str) -> None:
    uploads = import_module("stackctl.importing.inside.uploads")
    assert uploads.stored_path("a.txt", environment) == path
    assert uploads.file_name("/app/backend/data/uploads/a.txt") == "a.txt"


@pytest.mark.usefixtures("startup_scripts")
def test_open_webui_is_prepared_once_before_its_first_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "first_module_here.py").touch()
    (tmp_path / "second_module_here.py").touch()
    monkeypatch.syspath_prepend(str(tmp_path))
    imported: list[bool] = []
    prepared = import_module("startup.faster_import")
    monkeypatch.setattr(prepared, "prepare_import", lambda: imported.append("first_module_here" in sys.modules))
    application = import_module("stackctl.importing.inside.application")
    assert application.module("first_module_here").__name__ == "first_module_here"
    assert application.module("second_module_here").__name__ == "second_module_here"
    assert imported == [False]
