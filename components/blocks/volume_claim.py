"""PersistentVolumeClaims: the spec of one, for an object and for the template of a StatefulSet."""

from typing import Literal

from pulumi_kubernetes.core.v1 import PersistentVolumeClaimSpecArgsDict

AccessMode = Literal["ReadWriteOnce", "ReadWriteMany"]


def volume_claim_spec(
    *, size: str, class_name: str | None, access_mode: AccessMode = "ReadWriteOnce"
) -> PersistentVolumeClaimSpecArgsDict:
    """Spec of a PVC.

    Args:
        size: a quantity.
        class_name: StorageClass; None for the cluster's default class.
        access_mode: how many nodes may mount it.
    """
    spec: PersistentVolumeClaimSpecArgsDict = {
        "access_modes": [access_mode],
        "resources": {"requests": {"storage": size}},
    }
    return {**spec, "storage_class_name": class_name} if class_name else spec
