"""How documents are stored follows from their dimensions."""

import pytest

from components.open_webui.documents import DocumentSettings
from components.open_webui.settings import OpenWebUISettings
from components.open_webui.stored_vectors import refused_vectors, stored_vectors
from tests.support.unit.config_reports import report


@pytest.mark.parametrize(
    ("dimensions", "stored"),
    [(1536, "vector(1536)"), (2000, "vector(2000)"), (2001, "halfvec(2001)"), (4000, "halfvec(4000)")],
)
def test_only_what_has_an_index_is_stored(dimensions: int, stored: str) -> None:
    assert DocumentSettings(dimensions=dimensions).vector_type == stored


def test_half_precision_can_be_chosen_with_few_dimensions() -> None:
    settings = DocumentSettings.model_validate({"dimensions": 1024, "halfPrecision": True})
    assert settings.vector_type == "halfvec(1024)"
    assert settings.variables(OpenWebUISettings())["PGVECTOR_USE_HALFVEC"] == "true"


def test_more_dimensions_than_any_index_takes_are_refused() -> None:
    text = report({"openWebui": {"documents": {"dimensions": 4096}}})
    assert "openWebui.documents.dimensions: " in text
    assert "integer from 1 to 4000" in text


def test_full_precision_without_an_index_is_refused() -> None:
    text = report({"openWebui": {"documents": {"dimensions": 3072, "halfPrecision": False}}})
    assert "openWebui.documents.halfPrecision: " in text
    assert "true, or dimensions of at most 2000" in text


@pytest.mark.parametrize(
    ("before", "after", "commands"),
    [
        ({}, {"halfPrecision": False}, None),
        ({"dimensions": 3072}, {"dimensions": 3072, "halfPrecision": True}, None),
        ({}, {"dimensions": 1024}, ("openWebui.documents.dimensions 1536",)),
        (
            {},
            {"dimensions": 3072},
            ("openWebui.documents.dimensions 1536", "openWebui.documents.halfPrecision false"),
        ),
    ],
)
def test_stored_vectors_are_not_converted(
    before: dict[str, object], after: dict[str, object], commands: tuple[str, ...] | None
) -> None:
    facts = [stored_vectors(DocumentSettings.model_validate(settings)) for settings in (before, after)]
    finding = refused_vectors(*facts)
    named = finding and tuple(command.removeprefix("pulumi config set --path ") for command in finding.commands)
    assert named == commands
