"""How pods fit into a cluster: `pods` of the stack for all of them, `pods` of a component for its own."""

from collections.abc import Iterator
from typing import Annotated, Any, Self

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from .base_settings import Settings
from .kubernetes_types import KubernetesType
from .metadata_names import LabelValue, MetadataName, PublicText
from .names import ObjectName
from .needed_objects import NeededObject

_OWN_LABELS = ("app", "pod-template-hash", "controller-revision-hash")
_OWN_LABEL_PREFIXES = ("app.kubernetes.io/", "batch.kubernetes.io/", "statefulset.kubernetes.io/")
_OWN_ANNOTATION_PREFIXES = ("checksum/",)


def _label(name: str) -> str:
    if name not in _OWN_LABELS and not name.startswith(_OWN_LABEL_PREFIXES):
        return name
    raise PydanticCustomError(
        "own_label",
        "a label that the stack or Kubernetes sets itself: Services, budgets and policies select pods by it",
        {"allowed": "a label with another name", "of_name": True},
    )


def _annotation(name: str) -> str:
    if not name.startswith(_OWN_ANNOTATION_PREFIXES):
        return name
    raise PydanticCustomError(
        "own_annotation",
        "an annotation that the stack sets itself: it rolls the pods by it",
        {"allowed": "an annotation with another name", "of_name": True},
    )


PodLabelName = Annotated[MetadataName, AfterValidator(_label)]
PodAnnotationName = Annotated[MetadataName, AfterValidator(_annotation)]


class PodSettings(Settings):
    """Settings for every pod. The settings of a component take precedence over those of the stack: a map is merged key
    by key, any other value replaces that of the stack.
    """

    node_selector: dict[MetadataName, LabelValue] = Field(
        {}, description="Labels that a node must have: pods run on no other node."
    )
    tolerations: Annotated[list[dict[str, Any]], KubernetesType(name="Toleration", many=True)] = Field(
        [], description="Taints of nodes that the pods tolerate."
    )
    affinity: Annotated[dict[str, Any] | None, KubernetesType(name="Affinity")] = Field(
        None, description="Nodes and other pods that the pods prefer, need or avoid."
    )
    topology_spread_constraints: Annotated[
        list[dict[str, Any]], KubernetesType(name="TopologySpreadConstraint", many=True)
    ] = Field(
        [],
        description="How the pods spread over nodes and zones, in place of the stack's own constraints. Each needs a "
        "`labelSelector` of the component's pods, such as `app: open-webui`.",
    )
    scheduler_name: ObjectName | None = Field(
        None, examples=["volcano"], description="Scheduler of the pods. Default: that of the cluster."
    )
    priority_class_name: ObjectName | None = Field(
        None, examples=["business-critical"], description="PriorityClass. Default: the cluster's default priority."
    )
    runtime_class_name: ObjectName | None = Field(
        None, examples=["gvisor"], description="RuntimeClass. Default: the nodes' default runtime."
    )
    labels: dict[PodLabelName, LabelValue] = Field(
        {}, description="Further labels of the pods, such as `sidecar.istio.io/inject`. Changing them rolls the pods."
    )
    annotations: dict[PodAnnotationName, PublicText] = Field(
        {}, description="Further annotations of the pods. Changing them rolls the pods."
    )
    image_pull_secrets: list[ObjectName] = Field(
        [],
        examples=["registry"],
        description="Existing Secrets of type kubernetes.io/dockerconfigjson in the stack's namespace. Nodes pull the "
        "images with them.",
    )
    host_aliases: Annotated[list[dict[str, Any]], KubernetesType(name="HostAlias", many=True)] = Field(
        [], description="Entries of /etc/hosts in the pods: addresses and host names."
    )
    fixed_uid: bool = Field(
        True,
        description="Run as the stack's own user and group. `false`: the platform assigns them, as the SCC "
        "restricted-v2 of OpenShift does.",
    )

    def objects_needed(self, key: str) -> Iterator[NeededObject]:
        """Secrets and ConfigMaps that these settings name.

        Args:
            key: these settings, as the user writes them: ``openWebui.pods``.
        """
        for name in self.image_pull_secrets:
            # Without it the kubelet pulls anonymously, and a controller, such as that of a cloud registry, may create
            # it later.
            yield NeededObject(
                key=f"{key}.imagePullSecrets",
                name=name,
                entries=(".dockerconfigjson",),
                consequence="nodes pull the images without it",
                is_required=False,
            )

    def over(self, common: "PodSettings") -> Self:
        """These settings, with the values of ``common`` for unset fields."""
        values: dict[str, Any] = {}
        for name in type(self).model_fields.keys() & type(common).model_fields.keys():
            own, other = getattr(self, name), getattr(common, name)
            if isinstance(own, dict) and isinstance(other, dict) and name != "affinity":
                values[name] = {**other, **own}
            elif name not in self.model_fields_set:
                values[name] = other
        return self.model_copy(update=values)
