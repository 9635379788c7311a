"""Where the web pods have uploaded files, for the backups."""

from components.backup.bucket import UploadedFiles
from components.open_webui.environment import DATA_DIRECTORY
from components.open_webui.names import VOLUME_CLAIM
from components.open_webui.pod import IMAGE_GROUP
from components.open_webui.settings import OpenWebUISettings
from components.open_webui.uploads import UploadSettings


def uploaded_files(web: OpenWebUISettings) -> UploadedFiles:
    """The place of the uploaded files with these settings."""
    uploads = web.uploads
    volume = uploads.volume if uploads.kind == "volume" else None
    return UploadedFiles(
        kind=uploads.kind,
        claim=(volume.existing_claim or VOLUME_CLAIM) if volume else None,
        sub_path=volume.sub_path if volume else None,
        directory=f"{DATA_DIRECTORY}/uploads",
        group=IMAGE_GROUP,
        bucket=_bucket(uploads),
    )


def _bucket(uploads: UploadSettings) -> str:
    s3, gcs, azure = uploads.s3, uploads.gcs, uploads.azure
    urls = {
        "s3": f"s3://{'/'.join(filter(None, (s3.bucket_name, s3.key_prefix)))}",
        "gcs": f"gs://{gcs.bucket_name}",
        "azure": f"{azure.endpoint_url}/{azure.container_name}",
    }
    return urls.get(uploads.kind, "")
