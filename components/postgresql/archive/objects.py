"""The objects of the archive beside the server's pod."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from pulumi import Input, Resource
from pulumi_kubernetes.networking.v1 import NetworkPolicyEgressRuleArgsDict

from ...blocks.bucket_access import BucketAccess
from ...blocks.children import Children
from ...blocks.egress import egress_rules
from ...blocks.generated_secrets import checksum
from ...blocks.outside_settings import proxy_destinations
from ...blocks.secret_inputs import SecretInputs
from ..settings import PostgreSQLSettings
from .container import FILES
from .names import ARCHIVE_CONFIG_MAP, CREDENTIALS_SECRET, RECOVERY, RECOVERY_LABELS
from .settings import KEYS


@dataclass(frozen=True, kw_only=True)
class ArchiveObjects:
    """The objects that the server's pod needs; empty if the archive is off."""

    resources: tuple[Resource, ...] = ()
    egress: tuple[NetworkPolicyEgressRuleArgsDict, ...] = ()
    annotations: Mapping[str, Input[str]] = field(default_factory=dict)
    """Checksums. None of the credentials, which the container reads again for each upload."""

    bucket: BucketAccess | None = None


def archive_objects(
    children: Children, settings: PostgreSQLSettings, inputs: SecretInputs, namespace: str
) -> ArchiveObjects:
    """Create the scripts, the credentials, and the rules of the pod of a recovery.

    Args:
        children: of PostgreSQL.
        settings: of PostgreSQL.
        inputs: secrets that are set.
        namespace: the stack's.
    """
    s3, account = settings.archive.s3, settings.service_account.annotations
    if not settings.archive.enabled:
        return ArchiveObjects()
    bucket = BucketAccess(settings=s3, keys=KEYS, secret=CREDENTIALS_SECRET, inputs=inputs)
    egress = egress_rules([*s3.destinations(account), *proxy_destinations(settings.pods)], namespace)
    resources: list[Resource] = [
        children.config_map(ARCHIVE_CONFIG_MAP, FILES),
        children.of(RECOVERY_LABELS).network_policy(RECOVERY, ingress=[], egress=[*egress]),
        *bucket.objects(children),
    ]
    return ArchiveObjects(
        resources=tuple(resources),
        egress=tuple(egress),
        annotations={
            "checksum/archive": checksum(FILES),
            # Webhooks of cloud providers read them when a pod is created.
            **({"checksum/service-account": checksum(account)} if account else {}),
        },
        bucket=bucket,
    )
