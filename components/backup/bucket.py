"""The containers that copy proved dumps and uploaded files to a bucket, and what they need."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pulumi
from pulumi import Input
from pulumi_kubernetes.core.v1 import ContainerArgsDict, EnvVarArgsDict, VolumeArgsDict, VolumeMountArgsDict

from ..blocks.children import Children
from ..blocks.pod import claim_volume, plain_variables, restricted_container
from ..blocks.secret_inputs import SecretInputs
from .bucket_settings import ACCESS_KEY, SECRET_KEY
from .names import BUCKET_CONTAINER, BUCKET_SECRET, CAPTURE_CONTAINER, DIRECTORY, PROGRAM
from .settings import BackupSettings

_FILES = Path(__file__).with_name("files") / "bucket"
_MODULES = "/etc/backup-bucket"
_UPLOADS = "/uploads"
# The names that the client of AWS reads.
_VARIABLES: Mapping[str, tuple[str, str]] = {
    ACCESS_KEY: ("AWS_ACCESS_KEY_ID", "access-key"),
    SECRET_KEY: ("AWS_SECRET_ACCESS_KEY", "secret-key"),
}
"""Variable and key of the Secret, by the config key."""


@dataclass(frozen=True, kw_only=True)
class UploadedFiles:
    """Where the web pods have uploaded files."""

    kind: str
    """`openWebui.uploads.kind`."""

    claim: str | None
    """PersistentVolumeClaim with the files; None where they are in no volume."""

    sub_path: str | None
    """Directory of the files in the volume; None for its root."""

    directory: str
    """The same in the web pods: rows of the database name files in it."""

    group: int
    """Group of the web pods, to which the files belong."""

    bucket: str
    """URL of the bucket with the files; empty where they are in no bucket."""


@dataclass(frozen=True, kw_only=True)
class Bucket:
    """The parts of the backups' pod that know of the bucket."""

    settings: BackupSettings
    image: str
    """Image with Python and the client of S3: that of Open WebUI."""

    uploads: UploadedFiles
    secret_inputs: SecretInputs

    def objects(self, children: Children) -> list[pulumi.Resource]:
        """The ConfigMap with the program, and the Secret with the keys if there are any."""
        files = {file.name: file.read_text() for file in sorted(_FILES.glob("*.py"))}
        objects: list[pulumi.Resource] = [children.config_map(PROGRAM, files)]
        values: dict[str, Input[str]] = {
            key: self.secret_inputs.values[name]
            for name, (_, key) in _VARIABLES.items()
            if self.settings.s3.uses_keys and name in self.secret_inputs.values
        }
        if values:
            objects.append(children.secret(BUCKET_SECRET, values).resource)
        return objects

    def before(self) -> list[ContainerArgsDict]:
        """Containers that run before the dump."""
        return [self._container(CAPTURE_CONTAINER, "capture")] if self.uploads.claim else []

    def after(self) -> ContainerArgsDict:
        """The container that runs after it."""
        return self._container(BUCKET_CONTAINER, "push")

    def volumes(self) -> list[VolumeArgsDict]:
        """Volumes of these containers."""
        volumes: list[VolumeArgsDict] = [{"name": "program", "config_map": {"name": PROGRAM}}]
        return [*volumes, claim_volume("uploads", self.uploads.claim)] if self.uploads.claim else volumes

    def _container(self, name: str, command: str) -> ContainerArgsDict:
        return restricted_container(
            {
                "name": name,
                "image": self.image,
                "command": ["python", "-m", "bucket"],
                "args": [command],
                "env": [*plain_variables(self._variables()), *self._credentials()],
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
            **self.settings.s3.variables(),
        }
        if uploads.bucket:
            own["UPLOADS_BUCKET"] = uploads.bucket
        return {**own, "UPLOADS_DIRECTORY": _UPLOADS, "UPLOADS_PATH": uploads.directory} if uploads.claim else own

    def _credentials(self) -> list[EnvVarArgsDict]:
        """The keys. Without them the client finds the role of the ServiceAccount."""
        if not self.settings.s3.uses_keys:
            return []
        return [self._credential(name) for name in _VARIABLES]

    def _credential(self, name: str) -> EnvVarArgsDict:
        variable, key = _VARIABLES[name]
        if reference := self.secret_inputs.references.get(name):
            return reference.variable(variable)
        return {"name": variable, "value_from": {"secret_key_ref": {"name": BUCKET_SECRET, "key": key}}}

    def _mounts(self) -> list[VolumeMountArgsDict]:
        mounts: list[VolumeMountArgsDict] = [
            {"name": "backups", "mount_path": DIRECTORY},
            {"name": "program", "mount_path": f"{_MODULES}/bucket", "read_only": True},
            {"name": "tmp", "mount_path": "/tmp"},
        ]
        if self.uploads.claim:
            uploads: VolumeMountArgsDict = {"name": "uploads", "mount_path": _UPLOADS, "read_only": True}
            path = self.uploads.sub_path
            mounts.append({**uploads, "sub_path": path} if path else uploads)
        return mounts
