"""Settings of Ollama: plain, validated values."""

import re
from collections.abc import Iterator
from typing import Annotated

from pydantic import Field

from ..blocks.addresses import EgressTarget
from ..blocks.base_settings import Fix, Problem, Settings
from ..blocks.component_settings import ComponentSettings
from ..blocks.destinations import PUBLIC, Destination, destination_of_target, is_inside
from ..blocks.extra_settings import OutsideComponentPodSettings
from ..blocks.footprint import Footprint, Pods
from ..blocks.monitoring import MonitoringSettings
from ..blocks.names import ImageReference, ObjectName
from ..blocks.outside_settings import proxy_destinations
from ..blocks.patterns import matching
from ..blocks.quantities import Bytes
from ..blocks.resources import ContainerResources, Resources, Sizes

_SIZES = Sizes(
    name="Ollama",
    cpu=("1", "8"),
    memory=("4Gi", "16Gi"),
    ephemeral_storage=("256Mi", "2Gi"),
    about={"memory": "Memory in bytes. Without a GPU it contains the loaded models."},
)

# host/namespace/model:tag, as Ollama writes it: https://github.com/ollama/ollama/blob/v0.17.4/types/model/name.go
_MODEL = re.compile(
    r"(?:(?P<host>[A-Za-z0-9][A-Za-z0-9.-]*(?::(?P<port>[0-9]{1,5}))?)/(?=[^/]+/))?"
    r"(?:[A-Za-z0-9_][A-Za-z0-9_.-]*/)?[A-Za-z0-9_][A-Za-z0-9_.-]*(?::[A-Za-z0-9_][A-Za-z0-9_.-]*)?"
)
_DURATION = re.compile(r"-1|0|[1-9][0-9]*(?:ms|s|m|h)")
# https://kubernetes.io/docs/concepts/configuration/manage-resources-containers/#extended-resources
_RESOURCE = re.compile(r"[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?/[A-Za-z0-9](?:[A-Za-z0-9._-]{0,61}[A-Za-z0-9])?")


_model = matching(
    _MODEL,
    "ollama_model",
    "not a name of a model",
    allowed="model:tag as in the library of Ollama, or host/namespace/model:tag",
    example="llama3.2:3b",
)


_duration = matching(
    _DURATION, "duration", "not a duration", allowed="a number with ms, s, m or h; 0; -1 for ever", example="5m"
)


_resource = matching(
    _RESOURCE,
    "extended_resource",
    "not a name of an extended resource",
    allowed="domain/name, as a device plugin advertises it",
    example="nvidia.com/gpu",
)


ModelName = Annotated[str, _model]


class GpuSettings(Settings):
    """GPUs of the server."""

    count: int = Field(0, ge=0, le=16, description="GPUs of the pod. 0: models run on the CPU.")
    resource_name: Annotated[str, _resource] = Field(
        "nvidia.com/gpu",
        examples=["amd.com/gpu"],
        description="Extended resource that the device plugin of the nodes advertises, such as `amd.com/gpu` (with an "
        "image for ROCm) or a MIG profile.",
    )

    def problems(self) -> Iterator[Problem]:
        if "resource_name" in self.model_fields_set and not self.count:
            yield Problem(
                keys=("resourceName", "count"),
                message="resourceName has no effect with count 0",
                allowed="remove it, or set count",
                fix=Fix.REMOVE,
            )


class ModelVolumeSettings(Settings):
    """The volume of the models."""

    size: Bytes = Field("50Gi", description="Size of the volume. Can grow where the class allows it, never shrink.")
    class_name: ObjectName | None = Field(
        None,
        examples=["fast"],
        description="StorageClass. Default: the cluster's default class. Changing it needs a new volume.",
    )


class OllamaSettings(ComponentSettings):
    """`ollama` in the stack's config."""

    pods: OutsideComponentPodSettings = Field(
        OutsideComponentPodSettings(),
        description="How the pods of Ollama fit into the cluster: the keys of `pods`, such as `runtimeClassName` and "
        "`tolerations` for nodes with GPUs, and extra volumes and containers.",
    )
    enabled: bool = Field(False, description="Run an Ollama server at `ollama:11434`. Only the web pods can connect.")
    image: ImageReference = Field(
        "ollama/ollama:0.17.4", description="Container image with `ollama`. The tag ends with `-rocm` for GPUs of AMD."
    )
    models: list[ModelName] = Field(
        [],
        examples=["llama3.2:3b"],
        description="Models that a Job pulls. The Job does not pull a model again that is on the volume. A model "
        "that you remove here stays on the volume.",
    )
    pull_seconds: int = Field(
        3600, ge=60, le=86_400, description="Longest time in seconds that the Job may take. `pulumi up` waits for it."
    )
    egress: list[EgressTarget] = Field(
        [],
        examples=["10.20.0.0/16:443"],
        description="Further destinations of the server, as `openWebui.egress`: a registry with a name of a private "
        "network, a proxy.",
    )
    storage: ModelVolumeSettings = Field(ModelVolumeSettings(), description="The volume of the models.")
    gpu: GpuSettings = Field(GpuSettings(), description="GPUs of the server.")
    keep_alive: Annotated[str, _duration] = Field(
        "5m",
        description="How long a model stays loaded after a request: a number with `ms`, `s`, `m` or `h`. `-1`: for "
        "ever. `0`: not at all.",
    )
    context_length: int | None = Field(
        None,
        ge=512,
        le=1_048_576,
        description="Context length of a model in tokens, unless a request sets it. Default: Ollama's, by the "
        "memory of the GPU.",
    )
    parallel: int = Field(1, ge=1, le=64, description="Requests that a model answers at the same time.")
    max_loaded_models: int | None = Field(
        None,
        ge=1,
        le=64,
        description="Models that are loaded at the same time. Default: Ollama's, three for each GPU, three on the CPU.",
    )
    max_queue: int = Field(
        512,
        ge=1,
        le=100_000,
        description="Requests that may wait for a model. The server answers further requests with 503.",
    )
    resources: Annotated[Resources, _SIZES] = _SIZES.field()

    def footprint(self, _monitoring: MonitoringSettings) -> Footprint:
        if not self.enabled:
            return Footprint()
        server = Pods(count=1, containers=(self.resources.as_kubernetes(),))
        pull = [Pods(count=1, containers=(pull_resources(),))] if self.models else []
        return Footprint(pods=(server, *pull), volumes=1)

    def container_resources(self) -> ContainerResources:
        """`resources` of the container, with the GPUs."""
        resources = self.resources.as_kubernetes()
        gpus = {self.gpu.resource_name: str(self.gpu.count)} if self.gpu.count else {}
        # An extended resource cannot be overcommitted: request and limit are the same.
        return {"requests": {**resources["requests"], **gpus}, "limits": {**resources["limits"], **gpus}}

    def variables(self) -> dict[str, str | int]:
        """Environment variables of the server: https://github.com/ollama/ollama/blob/v0.17.4/envconfig/config.go."""
        optional = {"OLLAMA_CONTEXT_LENGTH": self.context_length, "OLLAMA_MAX_LOADED_MODELS": self.max_loaded_models}
        return {
            "OLLAMA_KEEP_ALIVE": self.keep_alive,
            "OLLAMA_NUM_PARALLEL": self.parallel,
            "OLLAMA_MAX_QUEUE": self.max_queue,
            **{name: value for name, value in optional.items() if value is not None},
        }

    @property
    def targets(self) -> list[Destination]:
        """The destinations of `egress`."""
        return [destination_of_target(target) for target in self.egress]

    @property
    def destinations(self) -> list[Destination]:
        """Everything outside the stack that the server connects to."""
        return [*self.registries, *self.targets, *proxy_destinations(self.pods)]

    @property
    def hosts_inside(self) -> list[str]:
        """Registries in the cluster, which the pod reaches without the proxy."""
        return [each.host for each in self.registries if is_inside(each)]

    @property
    def registries(self) -> list[Destination]:
        """The destinations from which the server downloads models."""
        hosts = [match for name in self.models if (match := _MODEL.fullmatch(name))]
        named = [
            Destination(host=match["host"].partition(":")[0], port=int(match["port"] or 443), scheme="https")
            for match in hosts
            if match["host"]
        ]
        # The library of Ollama redirects downloads to a store of its own.
        library = [Destination(host=PUBLIC, port=443, scheme="https")] if any(not m["host"] for m in hosts) else []
        return [*library, *named]


def pull_resources() -> ContainerResources:
    """Requests and limits of the Job, which runs only a client: the server downloads."""
    return {
        "requests": {"cpu": "20m", "memory": "64Mi", "ephemeral-storage": "16Mi"},
        "limits": {"cpu": "500m", "memory": "256Mi", "ephemeral-storage": "64Mi"},
    }
