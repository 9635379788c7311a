"""What the keys of uploads and of the ServiceAccount do."""

import json

from tests.support.unit.effects import Effect, inputs, variable

S3 = ("openWebui.uploads.kind=s3", "openWebui.uploads.s3.bucketName=uploads")

S3_SECRETS = {"s3AccessKeyId": "a", "s3SecretAccessKey": "b"}

FULL = "openWebui.variant=full"

GCS = ("openWebui.uploads.kind=gcs", "openWebui.uploads.gcs.bucketName=uploads", FULL)

GCS_KEY = json.dumps({"client_email": "a@b", "private_key": "a private key", "token_uri": "https://tokens.example"})

GCS_SECRETS = {"GOOGLE_APPLICATION_CREDENTIALS_JSON": GCS_KEY}

AZURE = (
    "openWebui.uploads.kind=azure",
    "openWebui.uploads.azure.endpointUrl=https://account.blob.core.windows.net",
    "openWebui.uploads.azure.containerName=uploads",
    FULL,
)

AZURE_KEY = "YW4gYWNjZXNzIGtleQ=="

AZURE_SECRETS = {"AZURE_STORAGE_KEY": AZURE_KEY}

CLIENT = (
    'openWebui.serviceAccount.annotations["azure.workload.identity/client-id"]=01234567-89ab-cdef-0123-456789abcdef'
)

_POD_LABELS = ("spec", "template", "metadata", "labels")

VOLUME = ("openWebui.uploads.kind=volume",)

CLAIM = "chat-data"


EFFECTS: dict[str, Effect] = {
    "openWebui.uploads.kind": Effect(
        value="volume",
        shows=inputs("PersistentVolumeClaim", "open-webui-uploads", "spec", "accessModes"),
        expected=["ReadWriteMany"],
    ),
    "openWebui.uploads.acceptLoss": Effect(
        value="true",
        sets=("openWebui.replicas=3", "openWebui.uploads.acceptLoss=false"),
        shows=lambda r: any("openWebui.uploads.kind is pod with 3 replicas" in line for line in r.warnings),
        expected=True,
    ),
    "openWebui.uploads.volume.size": Effect(
        value="3Gi",
        sets=VOLUME,
        shows=inputs("PersistentVolumeClaim", "open-webui-uploads", "spec", "resources", "requests", "storage"),
        expected="3Gi",
    ),
    "openWebui.uploads.volume.className": Effect(
        value="nfs",
        sets=VOLUME,
        shows=inputs("PersistentVolumeClaim", "open-webui-uploads", "spec", "storageClassName"),
        expected="nfs",
    ),
    "openWebui.uploads.s3.bucketName": Effect(
        value="files", sets=S3, secrets=S3_SECRETS, shows=variable("S3_BUCKET_NAME"), expected="files"
    ),
    "openWebui.uploads.s3.endpointUrl": Effect(
        value="https://s3.example.com",
        sets=S3,
        secrets=S3_SECRETS,
        shows=variable("S3_ENDPOINT_URL"),
        expected="https://s3.example.com",
    ),
    "openWebui.uploads.s3.regionName": Effect(
        value="eu", sets=S3, secrets=S3_SECRETS, shows=variable("S3_REGION_NAME"), expected="eu"
    ),
    "openWebui.uploads.s3.keyPrefix": Effect(
        value="web", sets=S3, secrets=S3_SECRETS, shows=variable("S3_KEY_PREFIX"), expected="web"
    ),
    "s3AccessKeyId": Effect(
        value="",
        sets=S3,
        secrets=S3_SECRETS,
        shows=lambda r: r.one("Secret", "openwebui-secret").plain("stringData", "s3-access-key-id"),
        expected="a",
    ),
    "s3SecretAccessKey": Effect(
        value="",
        sets=S3,
        secrets=S3_SECRETS,
        shows=lambda r: r.one("Secret", "openwebui-secret").plain("stringData", "s3-secret-access-key"),
        expected="b",
    ),
    "openWebui.uploads.volume.existingClaim": Effect(
        value="",
        sets=(*VOLUME, f"openWebui.uploads.volume.existingClaim={CLAIM}"),
        shows=lambda r: (
            [v["persistentVolumeClaim"] for v in r.pods["open-webui"]["volumes"] if v["name"] == "uploads"],
            [each.name for each in r.objects if each.name == "open-webui-uploads"],
        ),
        expected=([{"claimName": CLAIM}], []),
    ),
    "openWebui.uploads.volume.subPath": Effect(
        value="uploads",
        sets=VOLUME,
        shows=lambda r: [
            mount["subPath"]
            for container in ("open-webui", "migrate")
            for mount in r.containers[f"open-webui/{container}"]["volumeMounts"]
            if mount["name"] == "uploads"
        ],
        expected=["uploads", "uploads"],
    ),
    "openWebui.uploads.localCache": Effect(
        value="false", sets=S3, secrets=S3_SECRETS, shows=variable("STORAGE_LOCAL_CACHE"), expected="false"
    ),
    "openWebui.uploads.s3.credentials": Effect(
        value="serviceAccount",
        sets=S3,
        shows=lambda r: (variable("STORAGE_PROVIDER")(r), r.every_pod["open-webui-preflight"]["serviceAccountName"]),
        expected=("s3", "open-webui"),
    ),
    "openWebui.uploads.s3.addressingStyle": Effect(
        value="virtual", sets=S3, secrets=S3_SECRETS, shows=variable("S3_ADDRESSING_STYLE"), expected="virtual"
    ),
    "openWebui.uploads.s3.accelerate": Effect(
        value="",
        sets=(*S3, "openWebui.uploads.s3.accelerate=true"),
        secrets=S3_SECRETS,
        shows=variable("S3_USE_ACCELERATE_ENDPOINT"),
        expected="true",
    ),
    "openWebui.uploads.s3.tagging": Effect(
        value="true", sets=S3, secrets=S3_SECRETS, shows=variable("S3_ENABLE_TAGGING"), expected="true"
    ),
    "openWebui.uploads.gcs.bucketName": Effect(
        value="files", sets=GCS, secrets=GCS_SECRETS, shows=variable("GCS_BUCKET_NAME"), expected="files"
    ),
    "openWebui.uploads.gcs.credentials": Effect(
        value="serviceAccount",
        sets=GCS,
        shows=lambda r: (variable("STORAGE_PROVIDER")(r), r.every_pod["open-webui-preflight"]["serviceAccountName"]),
        expected=("gcs", "open-webui"),
    ),
    "openWebui.uploads.azure.endpointUrl": Effect(
        value="https://other.blob.core.windows.net/",
        sets=AZURE,
        secrets=AZURE_SECRETS,
        shows=variable("AZURE_STORAGE_ENDPOINT"),
        expected="https://other.blob.core.windows.net",
    ),
    "openWebui.uploads.azure.containerName": Effect(
        value="files",
        sets=AZURE,
        secrets=AZURE_SECRETS,
        shows=variable("AZURE_STORAGE_CONTAINER_NAME"),
        expected="files",
    ),
    "openWebui.uploads.azure.credentials": Effect(
        value="serviceAccount",
        sets=(*AZURE, CLIENT),
        shows=inputs(
            "Deployment", "open-webui", "spec", "template", "metadata", "labels", "azure.workload.identity/use"
        ),
        expected="true",
    ),
    "GOOGLE_APPLICATION_CREDENTIALS_JSON": Effect(
        value="",
        sets=GCS,
        secrets=GCS_SECRETS,
        shows=lambda r: r.one("Secret", "openwebui-secret").plain("stringData", "GOOGLE_APPLICATION_CREDENTIALS_JSON"),
        expected=GCS_KEY,
    ),
    "AZURE_STORAGE_KEY": Effect(
        value="",
        sets=AZURE,
        secrets=AZURE_SECRETS,
        shows=lambda r: r.one("Secret", "openwebui-secret").plain("stringData", "AZURE_STORAGE_KEY"),
        expected=AZURE_KEY,
    ),
    "openWebui.serviceAccount.annotations": Effect(
        value="",
        sets=('openWebui.serviceAccount.annotations["eks.amazonaws.com/role-arn"]=arn:aws:iam::123456789012:role/w',),
        shows=inputs("ServiceAccount", "open-webui", "metadata", "annotations"),
        expected={"eks.amazonaws.com/role-arn": "arn:aws:iam::123456789012:role/w"},
    ),
}
