"""Settings of the throughput of a replica."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from pydantic import Field

from .feature_settings import FeatureSettings

if TYPE_CHECKING:
    from .settings import OpenWebUISettings


class PerformanceSettings(FeatureSettings):
    """Throughput of a replica. The defaults were chosen by measurement."""

    answer_chunk: int = Field(
        5,
        ge=1,
        le=100,
        description="Pieces of an answer, usually tokens, that a browser gets in one event. A larger number costs less "
        "CPU for each answer; a slow model then shows its words in groups.",
    )
    threads: int | None = Field(
        None,
        ge=1,
        le=1000,
        description="Threads for synchronous work: uploads, vectors, plugins. Default: those of the libraries (40, "
        "and the number of cores plus 4).",
    )
    compression: bool = Field(
        True, description="Compress responses. Switch it off when the Ingress controller or a CDN does it."
    )
    cache_model_list: bool = Field(
        False,
        description="Keep the list of models in Redis until a connection changes in the admin panel. New models of "
        "a service then do not appear before such a change.",
    )

    def variables(self, _web: "OpenWebUISettings", _services: Mapping[str, str]) -> dict[str, str]:
        return {
            "CHAT_RESPONSE_STREAM_DELTA_CHUNK_SIZE": str(self.answer_chunk),
            "ENABLE_COMPRESSION_MIDDLEWARE": str(self.compression).lower(),
            "ENABLE_BASE_MODELS_CACHE": str(self.cache_model_list).lower(),
            **({"THREAD_POOL_SIZE": str(self.threads)} if self.threads else {}),
        }
