"""How documents are stored: the size and type of their vectors, and the index over them."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from pydantic import Field

from ..blocks.base_settings import Problem
from .feature_settings import FeatureSettings

if TYPE_CHECKING:
    from .settings import OpenWebUISettings

MOST_FULL_PRECISION = 2000
"""Dimensions of a ``vector`` that an index takes, half of those of a ``halfvec``: https://github.com/pgvector/pgvector"""

MOST_DIMENSIONS = 2 * MOST_FULL_PRECISION

INDEX_METHOD = "hnsw"
"""Index of a new database. It is built with any number of documents and any amount of memory, where IVFFlat waits for
5,000 chunks and then needs memory for all its samples. A database that has an IVFFlat index keeps it."""


class DocumentSettings(FeatureSettings):
    """Vectors of documents. They cannot be changed once there are documents."""

    dimensions: int = Field(
        1536,
        ge=1,
        le=MOST_DIMENSIONS,
        description="Dimensions of the embedding model. Longer embeddings are cut, shorter ones are filled up. Fixed "
        "once the database has documents.",
    )
    half_precision: bool | None = Field(
        None,
        examples=["true"],
        description="Store vectors as `halfvec`, with half the size. Default: with more than 2000 dimensions, where "
        "only `halfvec` has an index. Fixed like the dimensions.",
    )

    def problems(self) -> Iterator[Problem]:
        if self.half_precision is False and self.dimensions > MOST_FULL_PRECISION:
            yield Problem(
                keys=("halfPrecision", "dimensions"),
                message=f"halfPrecision false with dimensions {self.dimensions}: a vector of more than "
                f"{MOST_FULL_PRECISION} dimensions has no index",
                allowed=f"true, or dimensions of at most {MOST_FULL_PRECISION}",
                fix="true",
            )

    @property
    def is_half_precision(self) -> bool:
        """Whether vectors are stored as ``halfvec``."""
        return self.dimensions > MOST_FULL_PRECISION if self.half_precision is None else self.half_precision

    @property
    def vector_type(self) -> str:
        """Type of the column in the database: ``vector(1536)``."""
        return f"{'halfvec' if self.is_half_precision else 'vector'}({self.dimensions})"

    def variables(self, _web: "OpenWebUISettings") -> dict[str, str]:
        return {
            "PGVECTOR_INDEX_METHOD": INDEX_METHOD,
            "PGVECTOR_INITIALIZE_MAX_VECTOR_LENGTH": str(self.dimensions),
            "PGVECTOR_USE_HALFVEC": str(self.is_half_precision).lower(),
        }
