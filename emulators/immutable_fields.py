"""Fields whose change replaces a Kubernetes object, as in the official provider's table (pkg/provider/diff.go)."""

from typing import Any

Path = tuple[str | int, ...]

_SELECTOR = ("spec.selector",)
_ROLE_BINDING = ("roleRef",)
_VOLUME_SOURCES = (
    "awsElasticBlockStore azureDisk azureFile cephfs cinder csi fc flexVolume flocker gcePersistentDisk glusterfs "
    "hostPath iscsi local nfs photonPersistentDisk portworxVolume quobyte rbd scaleIO storageos vsphereVolume"
)
_BY_KIND: dict[tuple[str, str], tuple[str, ...]] = {
    ("apps/v1", "Deployment"): _SELECTOR,
    ("apps/v1", "StatefulSet"): (
        *_SELECTOR,
        "spec.podManagementPolicy",
        "spec.revisionHistoryLimit",
        "spec.serviceName",
        "spec.volumeClaimTemplates",
    ),
    ("batch/v1", "Job"): (*_SELECTOR, "spec.completions", "spec.parallelism", "spec.template"),
    ("rbac.authorization.k8s.io/v1", "ClusterRoleBinding"): _ROLE_BINDING,
    ("rbac.authorization.k8s.io/v1", "RoleBinding"): _ROLE_BINDING,
    ("storage.k8s.io/v1", "StorageClass"): ("parameters", "provisioner"),
    ("v1", "PersistentVolume"): tuple(f"spec.{source}" for source in _VOLUME_SOURCES.split()),
    ("v1", "PersistentVolumeClaim"): (*_SELECTOR, "spec.accessModes", "spec.storageClassName", "spec.volumeName"),
    ("v1", "ResourceQuota"): ("spec.scopes",),
    ("v1", "Service"): ("spec.clusterIP",),
}


def immutable_fields(manifest: dict[str, Any], *, mutable_secrets: bool, mutable_config_maps: bool) -> tuple[str, ...]:
    """Dotted paths of the fields of `manifest` that cannot change in place.

    The switches are the provider's `enableSecretMutable` and `enableConfigMapMutable`; an object that is itself
    `immutable: true` is replaced whatever they say.
    """
    kind = (manifest.get("apiVersion", ""), manifest.get("kind", ""))
    own = _BY_KIND.get(kind, ())
    immutable = manifest.get("immutable") is True
    if kind == ("v1", "Secret"):
        own = ("type",) if mutable_secrets and not immutable else ("type", "stringData", "data")
    elif kind == ("v1", "ConfigMap") and (immutable or not mutable_config_maps):
        own = ("binaryData", "data")
    return ("metadata.name", "metadata.namespace", *own)


def touches(path: Path, value: Any, field: str) -> bool:
    """Whether a change at `path` to `value` changes `field`: the field is above, at or inside of what changes."""
    keys = field.split(".")
    if list(path[: len(keys)]) != keys[: len(path)]:
        return False
    for key in keys[len(path) :]:
        if not isinstance(value, dict) or key not in value:
            return False
        value = value[key]
    return True
