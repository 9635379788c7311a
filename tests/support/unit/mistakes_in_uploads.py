"""Configs of uploads with one error each: the key that the report names, and a hint in it."""

from collections.abc import Mapping

_S3 = {"bucketName": "uploads", "credentials": "serviceAccount"}

UPLOAD_MISTAKES: list[tuple[str, Mapping[str, object], str, str]] = [
    (
        "a bucket without its keys",
        {"openWebui": {"uploads": {"kind": "s3", "s3": {"bucketName": "uploads"}}}},
        "s3SecretAccessKey",
        "an encrypted value",
    ),
    (
        "a bucket without a name",
        {"openWebui": {"uploads": {"kind": "s3"}}},
        "openWebui.uploads.s3.bucketName",
        "bucket",
    ),
    (
        "an accelerated bucket of another service",
        {
            "openWebui": {
                "uploads": {"kind": "s3", "s3": {**_S3, "accelerate": True, "endpointUrl": "https://s3.example"}}
            }
        },
        "openWebui.uploads.s3.accelerate",
        "another endpointUrl",
    ),
    (
        "a size for a PVC that exists",
        {"openWebui": {"uploads": {"kind": "volume", "volume": {"existingClaim": "data", "size": "5Gi"}}}},
        "openWebui.uploads.volume.size",
        "either size or existingClaim",
    ),
    (
        "a path out of the volume",
        {"openWebui": {"uploads": {"kind": "volume", "volume": {"subPath": "../data"}}}},
        "openWebui.uploads.volume.subPath",
        "a relative path without `..`",
    ),
    (
        "no local copy of files in the pod",
        {"openWebui": {"uploads": {"localCache": False}}},
        "openWebui.uploads.localCache",
        "set kind to s3",
    ),
    (
        "a role that is not an ARN",
        {"openWebui": {"serviceAccount": {"annotations": {"eks.amazonaws.com/role-arn": "open-webui"}}}},
        'openWebui.serviceAccount.annotations["eks.amazonaws.com/role-arn"]',
        "the ARN of an IAM role",
    ),
    (
        "a volume that nothing uses",
        {"openWebui": {"uploads": {"volume": {"size": "5Gi"}}}},
        "openWebui.uploads.volume",
        "set kind to volume",
    ),
]
