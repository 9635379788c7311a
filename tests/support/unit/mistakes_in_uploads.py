"""Configs of uploads with one error each: the key that the report names, and a hint in it."""

from collections.abc import Mapping

_S3 = {"bucketName": "uploads", "credentials": "serviceAccount"}

_FULL = {"variant": "full"}

_AZURE = {"endpointUrl": "https://a.example", "containerName": "uploads", "credentials": "serviceAccount"}

_CLIENT = "01234567-89ab-cdef-0123-456789abcdef"

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
        "a client that the slim image does not have",
        {"openWebui": {"uploads": {"kind": "gcs", "gcs": {**_S3}}}},
        "openWebui.variant",
        "full, or uploads.kind s3",
    ),
    (
        "a container without a name",
        {"openWebui": {**_FULL, "uploads": {"kind": "azure", "azure": {"endpointUrl": "https://a.example"}}}},
        "openWebui.uploads.azure.containerName",
        "the name of an existing container",
    ),
    (
        "a container's identity without a managed identity",
        {"openWebui": {**_FULL, "uploads": {"kind": "azure", "azure": _AZURE}}},
        'openWebui.serviceAccount.annotations["azure.workload.identity/client-id"]',
        "the client ID of a managed identity",
    ),
    (
        "a token without TLS",
        {
            "openWebui": {
                **_FULL,
                "serviceAccount": {"annotations": {"azure.workload.identity/client-id": _CLIENT}},
                "uploads": {"kind": "azure", "azure": {**_AZURE, "endpointUrl": "http://a.example"}},
            }
        },
        "openWebui.uploads.azure.endpointUrl",
        "an https URL",
    ),
    (
        "a role in a variable beside the ServiceAccount",
        {
            "openWebui": {
                "env": {"AWS_ROLE_ARN": "arn:aws:iam::123456789012:role/other"},
                "uploads": {"kind": "s3", "s3": _S3},
            }
        },
        "openWebui.env.AWS_ROLE_ARN",
        "the annotation eks.amazonaws.com/role-arn",
    ),
    (
        "keys in a Secret beside the ServiceAccount",
        {
            "openWebui": {"uploads": {"kind": "s3", "s3": _S3}},
            "existingSecrets": {"AWS_ACCESS_KEY_ID": {"name": "aws", "key": "id"}},
        },
        "existingSecrets.AWS_ACCESS_KEY_ID",
        "or uploads.s3.credentials secret",
    ),
    (
        "a client of Azure beside the ServiceAccount",
        {
            "openWebui": {
                **_FULL,
                "pluginEnv": {"AZURE_TENANT_ID": _CLIENT},
                "serviceAccount": {"annotations": {"azure.workload.identity/client-id": _CLIENT}},
                "uploads": {"kind": "azure", "azure": _AZURE},
            }
        },
        "openWebui.pluginEnv.AZURE_TENANT_ID",
        "the annotation azure.workload.identity/client-id",
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
        "set kind to s3, gcs or azure",
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
