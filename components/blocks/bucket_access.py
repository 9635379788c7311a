"""Access of pods to a bucket: its credentials as files, its environment, and the Secret behind them."""

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi
from pulumi import Output
from pulumi_kubernetes.core.v1 import VolumeArgsDict, VolumeMountArgsDict, VolumeProjectionArgsDict

from .bucket_settings import BucketKeys, BucketSettings
from .children import Children
from .secret_inputs import SecretInputs
from .secret_reference import SecretReference

ACCESS_KEY_ID, SECRET_ACCESS_KEY = "access-key-id", "secret-access-key"
"""Keys of the Secret, and files in the containers."""

DIRECTORY = "/run/secrets/bucket"
"""Directory of the credentials in the containers."""

_VOLUME = "bucket-credentials"


@dataclass(frozen=True, kw_only=True)
class BucketAccess:
    """Access of one component's pods to its bucket."""

    settings: BucketSettings
    """Validated settings, with a bucket."""

    keys: BucketKeys
    secret: str
    """Name of the Secret with the credentials that are values of the config."""

    inputs: SecretInputs
    """Secrets that are set."""

    def objects(self, children: Children) -> list[pulumi.Resource]:
        """The Secret, if any of the credentials is a value of the config."""
        values = self.inputs.values
        contents = {file: Output.secret(values[key]) for file, key in self._files.items() if key in values}
        return [children.secret(self.secret, contents).resource] if contents else []

    def references(self) -> Mapping[str, SecretReference]:
        """References to the credentials, by the name of their file; empty with the role of the ServiceAccount."""
        existing = self.inputs.references
        return {
            file: existing.get(key) or SecretReference(name=self.secret, key=file) for file, key in self._files.items()
        }

    def variables(self) -> dict[str, str]:
        """Environment of the containers, without secrets."""
        return {**self.settings.variables(), **({"BUCKET_CREDENTIALS": DIRECTORY} if self._files else {})}

    def volumes(self) -> list[VolumeArgsDict]:
        """Volume of the pod with the credentials. A running container sees changed credentials."""
        sources: list[VolumeProjectionArgsDict] = [
            {"secret": {"name": each.name, "items": [{"key": each.key, "path": file}]}}
            for file, each in self.references().items()
        ]
        return [{"name": _VOLUME, "projected": {"default_mode": 0o440, "sources": sources}}] if sources else []

    def mounts(self) -> list[VolumeMountArgsDict]:
        """Mounts of `volumes`."""
        return [{"name": _VOLUME, "mount_path": DIRECTORY, "read_only": True}] if self._files else []

    @property
    def _files(self) -> Mapping[str, str]:
        """The secret config keys, by the names of their files."""
        if not self.settings.uses_keys:
            return {}
        return dict(zip((ACCESS_KEY_ID, SECRET_ACCESS_KEY), self.keys.names, strict=True))
