"""Kubernetes manifests as Pulumi resources: type tokens, identifiers, names, what is not served. Pure functions."""

import re
from collections.abc import Callable, Iterable
from typing import Any

from .object_diff import normalized
from .property_values import Properties, Unknown

Manifest = dict[str, Any]

AUTONAMED = "pulumi.com/autonamed"
# Kinds whose readiness the emulator does not know.
_UNSERVED_KINDS = {("apps/v1", "DaemonSet"), ("v1", "Pod"), ("v1", "ReplicationController")}
_WAIT_FOR = "pulumi.com/waitFor"
# Of its three forms, the one that is served: the value True of a condition in the status.
_CONDITION = re.compile(r"condition=[A-Za-z]+")
_CLUSTER_SCOPED = (
    "APIService CSIDriver CSINode CertificateSigningRequest ClusterRole ClusterRoleBinding CustomResourceDefinition "
    "FlowSchema IngressClass MutatingWebhookConfiguration Namespace Node PersistentVolume PriorityClass "
    "PriorityLevelConfiguration RuntimeClass StorageClass ValidatingAdmissionPolicy ValidatingAdmissionPolicyBinding "
    "ValidatingWebhookConfiguration VolumeAttachment"
)
_BUILT_IN_GROUPS = frozenset({"", "apps", "autoscaling", "batch", "policy"})


def kind_of_type(token: str) -> tuple[str, str]:
    """`apiVersion` and `kind` of a type token: `kubernetes:core/v1:Secret` is `v1`, `Secret`."""
    _, group_version, kind = token.split(":")
    return group_version.removeprefix("core/"), kind


def unserved(token: str, manifest: Manifest) -> tuple[str, str] | None:
    """The part of a resource that the emulator does not serve, as (sort, name); None if it serves all of it."""
    kind = token.rpartition(":")[2]
    if token.startswith(("kubernetes:helm.sh/", "kubernetes:kustomize:", "kubernetes:yaml")):
        return "resource", token
    if kind == f"{manifest.get('kind')}Patch" or (kind.endswith("List") and "items" in manifest):
        return "resource", token
    if (manifest.get("apiVersion"), manifest.get("kind")) in _UNSERVED_KINDS:
        return "resource", token
    metadata = manifest.get("metadata", {})
    if isinstance(metadata, dict):
        if "generateName" in metadata:
            return "field", "metadata.generateName"
        annotations = metadata.get("annotations", {})
        if isinstance(annotations, dict) and _WAIT_FOR in annotations and not _is_served(manifest, annotations):
            return "annotation", _WAIT_FOR
    return None


def _is_served(manifest: Manifest, annotations: Manifest) -> bool:
    group = str(manifest.get("apiVersion", "")).rpartition("/")[0]
    # The rules of the built-in kinds would have to be combined with it.
    return bool(_CONDITION.fullmatch(str(annotations[_WAIT_FOR]))) and is_custom(group)


def is_custom(group: str) -> bool:
    """Whether the API group is that of custom resources."""
    return group not in _BUILT_IN_GROUPS and not group.endswith(".k8s.io")


def cluster_scoped(manifest: Manifest) -> bool | None:
    """Whether a kind lives outside namespaces; None for kinds that only the API server knows."""
    group = manifest["apiVersion"].rpartition("/")[0]
    if manifest["kind"] in _CLUSTER_SCOPED.split():
        return True
    return None if is_custom(group) else False


def adopt_name(manifest: Manifest, old: Manifest, new_name: Callable[[], str]) -> None:
    """Give a manifest without a name the one it had, or a new one, and mark it as named by Pulumi."""
    metadata = manifest.setdefault("metadata", {})
    if isinstance(metadata, Unknown) or metadata.get("name"):
        return
    old_metadata = old.get("metadata", {})
    if old:
        if not _autonamed(old_metadata):
            return
        metadata["name"] = old_metadata["name"]
    else:
        metadata["name"] = new_name()
    annotations = metadata.setdefault("annotations", {})
    if not isinstance(annotations, Unknown):
        annotations[AUTONAMED] = "true"


def _autonamed(metadata: Any) -> bool:
    annotations = metadata.get("annotations") if isinstance(metadata, dict) else None
    return isinstance(annotations, dict) and annotations.get(AUTONAMED) == "true"


def identifier_of(live: Manifest) -> str:
    """Pulumi's identifier of an object: `namespace/name`, or the name alone outside namespaces."""
    metadata = live["metadata"]
    return "/".join(filter(None, (metadata.get("namespace"), metadata["name"])))


def reference(state: Properties) -> Manifest:
    """Enough of an object in the state to find it in the cluster."""
    metadata = {key: state["metadata"][key] for key in ("name", "namespace", "uid") if key in state["metadata"]}
    return {"apiVersion": state["apiVersion"], "kind": state["kind"], "metadata": metadata}


def in_one_place(old: Manifest, new: Manifest, live: Manifest) -> None:
    """Write out the namespace and the name of the live object, so that leaving them out changes nothing."""
    namespaced = "namespace" in live["metadata"]
    for manifest in (old, new):
        metadata = manifest.get("metadata")
        if not isinstance(metadata, dict):
            continue
        if namespaced:
            metadata.setdefault("namespace", "default")
        else:
            metadata.pop("namespace", None)
    if isinstance(new.get("metadata"), dict) and new["metadata"].get("name"):
        old.setdefault("metadata", {})["name"] = live["metadata"]["name"]


def delete_before_replace(new: Manifest, live: Manifest) -> bool:
    """Whether old and new object would collide: a name that the user chose, unchanged, in the same namespace."""
    metadata = new["metadata"]
    return (
        isinstance(metadata, dict)
        and not _autonamed(metadata)
        and metadata.get("name") == live["metadata"]["name"]
        and metadata.get("namespace") == live["metadata"].get("namespace")
    )


def imported_inputs(live: Manifest) -> Manifest:
    """The manifest that an imported object might have come from: all but what controllers and the API server wrote."""
    manifest = normalized({key: value for key, value in live.items() if key != "status"})
    annotations = manifest["metadata"].get("annotations", {})
    for name in ("deployment.kubernetes.io/revision", "kubectl.kubernetes.io/last-applied-configuration"):
        annotations.pop(name, None)
    return manifest


def is_ignored(path: str, ignored: Iterable[str]) -> bool:
    """Whether `ignoreChanges` names `path` or something above it."""
    return any(path == prefix or path.startswith((f"{prefix}.", f"{prefix}[")) for prefix in ignored)
