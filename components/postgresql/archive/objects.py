"""The objects of the archive beside the server's pod."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from pulumi import Input, Resource
from pulumi_kubernetes.networking.v1 import NetworkPolicyEgressRuleArgsDict

from ...blocks.bucket_access import BucketAccess
from ...blocks.children import Children
from ...blocks.generated_secrets import checksum
from ...blocks.secret_inputs import SecretInputs
from .container import FILES
from .names import ARCHIVE_CONFIG_MAP, CREDENTIALS_SECRET, RECOVERY, RECOVERY_LABELS
from .settings import KEYS, ArchiveSettings


@dataclass(frozen=True, kw_only=True)
class ArchiveObjects:
    """What the server's pod needs of them; nothing when the archive is off."""

    resources: tuple[Resource, ...] = ()
    egress: tuple[NetworkPolicyEgressRuleArgsDict, ...] = ()
    annotations: Mapping[str, Input[str]] = field(default_factory=dict)
    """Checksum of the scripts. Not of the credentials, which the container reads again for each upload."""


def bucket_access(settings: ArchiveSettings, inputs: SecretInputs) -> BucketAccess:
    """Access to the bucket of the archive.

    Args:
        settings: of the archive, which is on.
        inputs: secrets that are set.
    """
    return BucketAccess(settings=settings.s3, keys=KEYS, secret=CREDENTIALS_SECRET, inputs=inputs)


def archive_objects(
    children: Children, settings: ArchiveSettings, bucket: BucketAccess, egress: list[NetworkPolicyEgressRuleArgsDict]
) -> ArchiveObjects:
    """Create the scripts, the credentials, and the rules of the pod of a recovery.

    Args:
        children: of PostgreSQL.
        settings: of the archive.
        bucket: access to its bucket.
        egress: network policy rules that lead to the bucket.
    """
    if not settings.enabled:
        return ArchiveObjects()
    resources: list[Resource] = [
        children.config_map(ARCHIVE_CONFIG_MAP, FILES),
        children.of(RECOVERY_LABELS).network_policy(RECOVERY, ingress=[], egress=[*egress]),
        *bucket.objects(children),
    ]
    return ArchiveObjects(
        resources=tuple(resources),
        egress=tuple(egress),
        annotations={"checksum/archive": checksum(FILES)},
    )
