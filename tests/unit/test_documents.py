"""How documents are stored follows from their dimensions."""

import pytest

from components.open_webui.documents import DocumentSettings

from .test_config_report import report


@pytest.mark.parametrize(
    ("dimensions", "stored"),
    [(1536, "vector(1536)"), (2000, "vector(2000)"), (2001, "halfvec(2001)"), (4000, "halfvec(4000)")],
)
def test_only_what_has_an_index_is_stored(dimensions: int, stored: str) -> None:
    assert DocumentSettings(dimensions=dimensions).vector_type == stored


def test_half_precision_can_be_chosen_with_few_dimensions() -> None:
    settings = DocumentSettings.model_validate({"dimensions": 1024, "halfPrecision": True})
    assert settings.vector_type == "halfvec(1024)"
    assert settings.variables["PGVECTOR_USE_HALFVEC"] == "true"


def test_full_precision_without_an_index_is_refused() -> None:
    text = report({"openWebui": {"documents": {"dimensions": 3072, "halfPrecision": False}}})
    assert "openWebui.documents.halfPrecision: " in text
    assert "true, or dimensions of at most 2000" in text
