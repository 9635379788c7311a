"""Settings of Tika: plain, validated values."""

from collections.abc import Iterator
from typing import Annotated

from pydantic import Field

from ..blocks.base_settings import Problem
from ..blocks.component_settings import ComponentSettings
from ..blocks.footprint import Footprint, Pods
from ..blocks.monitoring import MonitoringSettings
from ..blocks.names import ImageReference
from ..blocks.quantities import MEBIBYTE, Bytes, quantity
from ..blocks.resources import Resources, Sizes
from .memory import LEAST_LIMIT

_SIZES = Sizes(
    name="Tika",
    cpu=("100m", "2"),
    memory=("512Mi", "1Gi"),
    ephemeral_storage=("64Mi", "1Gi"),
    about={
        "limits.memory": f"Memory in bytes. The heap is derived from it. At least {LEAST_LIMIT}Mi.",
        "ephemeral_storage": "Logs and temporary files on the node's disk.",
    },
)


class TikaSettings(ComponentSettings):
    """`tika` in the stack's config. It runs with `openWebui.documents.extraction.engine: tika` without a URL."""

    image: ImageReference = Field(
        "apache/tika:3.3.1.0",
        description="Container image with Tika Server 3. The tags that end with `-full` add OCR with Tesseract.",
    )
    replicas: int = Field(1, ge=1, le=100, description="Number of pods. One of them extracts each upload.")
    temporary_storage: Bytes = Field(
        "512Mi", description="Size limit of `/tmp`, where Tika stores a document while it extracts the text."
    )
    resources: Annotated[Resources, _SIZES] = _SIZES.field()

    def problems(self) -> Iterator[Problem]:
        limit = self.resources.memory_limit
        if quantity(limit) < LEAST_LIMIT * MEBIBYTE:
            yield Problem(
                keys=("resources.limits.memory",),
                message=f"resources.limits.memory {limit} is too little for the two Java processes of Tika",
                allowed=f"at least {LEAST_LIMIT}Mi",
                fix=f"{LEAST_LIMIT}Mi",
            )
        storage = self.resources.limits.ephemeral_storage
        if storage and quantity(self.temporary_storage) > quantity(storage):
            yield Problem(
                keys=("temporaryStorage", "resources.limits.ephemeralStorage"),
                message=f"temporaryStorage {self.temporary_storage} is above resources.limits.ephemeralStorage "
                f"{storage}, which counts the files in /tmp: the kubelet would evict the pod first",
                allowed=f"at most {storage}, or raise that limit",
                fix=storage,
            )

    def footprint(self, _monitoring: MonitoringSettings) -> Footprint:
        # A rolling update starts one pod more.
        return Footprint(pods=(Pods(count=self.replicas + 1, containers=(self.resources.as_kubernetes(),)),))
