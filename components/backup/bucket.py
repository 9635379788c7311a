"""The containers that copy proved dumps and uploaded files to a bucket, and what they need."""

from dataclasses import dataclass
from pathlib import Path

import pulumi
from pulumi_kubernetes.core.v1 import ContainerArgsDict, VolumeArgsDict, VolumeMountArgsDict

from ..blocks.bucket_access import BucketAccess
from ..blocks.children import Children
from ..blocks.pod import claim_volume, plain_variables, restricted_container
from ..blocks.secret_inputs import SecretInputs
from .bucket_settings import KEYS
from .names import BUCKET_CONTAINER, BUCKET_SECRET, CAPTURE_CONTAINER, DIRECTORY, PROGRAM
from .settings import BackupSettings

_FILES = Path(__file__).with_name("files") / "bucket"
_MODULES = "/etc/backup-bucket"
_UPLOADS = "/uploads"


@dataclass(frozen=True, kw_only=True)
class UploadedFiles:
    """Where the web pods have uploaded files."""

    kind: str
    """`openWebui.uploads.kind`."""

    claim: str | None
    """PersistentVolumeClaim with the files; None if they are not on a volume."""

    sub_path: str | None
    """Directory of the files in the volume; None for its root."""

    directory: str
    """The same directory in the web pods, which the rows of the database name."""

    group: int
    """Group of the web pods, to which the files belong."""

    bucket: str
    """URL of the bucket with the files; empty if they are not in a bucket."""


@dataclass(frozen=True, kw_only=True)
class Bucket:
    """The parts of the backup pod that use the bucket."""

    settings: BackupSettings
    image: str
    """Image with Python and the client of S3: that of Open WebUI."""

    uploads: UploadedFiles
    secret_inputs: SecretInputs

    def objects(self, children: Children) -> list[pulumi.Resource]:
        """The ConfigMap with the program, and the Secret with the keys if there are any."""
        files = {file.name: file.read_text() for file in sorted(_FILES.glob("*.py"))}
        return [children.config_map(PROGRAM, files), *self._access.objects(children)]

    def before(self) -> list[ContainerArgsDict]:
        """Containers that run before the dump."""
        return [self._container(CAPTURE_CONTAINER, "capture")] if self.uploads.claim else []

    def after(self) -> ContainerArgsDict:
        """The container that runs after it."""
        return self._container(BUCKET_CONTAINER, "push")

    def volumes(self) -> list[VolumeArgsDict]:
        """Volumes of these containers."""
        volumes: list[VolumeArgsDict] = [{"name": "program", "config_map": {"name": PROGRAM}}]
        uploads = [claim_volume("uploads", self.uploads.claim)] if self.uploads.claim else []
        return [*volumes, *uploads, *self._access.volumes()]

    def _container(self, name: str, command: str) -> ContainerArgsDict:
        return restricted_container(
            {
                "name": name,
                "image": self.image,
                "command": ["python", "-m", "bucket"],
                "args": [command],
                "env": plain_variables(self._variables()),
                "termination_message_policy": "FallbackToLogsOnError",
                "volume_mounts": self._mounts(),
            },
            self.settings.resources.as_kubernetes(),
        )

    def _variables(self) -> dict[str, str]:
        uploads = self.uploads
        own = {
            "PYTHONPATH": _MODULES,
            "PYTHONDONTWRITEBYTECODE": "1",
            "BACKUP_DIRECTORY": DIRECTORY,
            "UPLOADS_KIND": uploads.kind,
            **self._access.variables(),
        }
        if uploads.bucket:
            own["UPLOADS_BUCKET"] = uploads.bucket
        return {**own, "UPLOADS_DIRECTORY": _UPLOADS, "UPLOADS_PATH": uploads.directory} if uploads.claim else own

    @property
    def _access(self) -> BucketAccess:
        return BucketAccess(settings=self.settings.s3, keys=KEYS, secret=BUCKET_SECRET, inputs=self.secret_inputs)

    def _mounts(self) -> list[VolumeMountArgsDict]:
        mounts: list[VolumeMountArgsDict] = [
            {"name": "backups", "mount_path": DIRECTORY},
            {"name": "program", "mount_path": f"{_MODULES}/bucket", "read_only": True},
            {"name": "tmp", "mount_path": "/tmp"},
            *self._access.mounts(),
        ]
        if self.uploads.claim:
            uploads: VolumeMountArgsDict = {"name": "uploads", "mount_path": _UPLOADS, "read_only": True}
            path = self.uploads.sub_path
            mounts.append({**uploads, "sub_path": path} if path else uploads)
        return mounts
