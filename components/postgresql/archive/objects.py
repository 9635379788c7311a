"""The objects of the archive beside the server's pod."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from pulumi import Input, Output, Resource
from pulumi_kubernetes.networking.v1 import NetworkPolicyEgressRuleArgsDict

from ...blocks.children import Children
from ...blocks.egress import egress_rules
from ...blocks.generated_secrets import checksum
from ...blocks.secret_inputs import SecretInputs
from ...blocks.secret_reference import SecretReference
from .container import CREDENTIALS, FILES
from .names import ARCHIVE_CONFIG_MAP, CREDENTIALS_SECRET, RECOVERY, RECOVERY_LABELS
from .settings import ArchiveSettings


@dataclass(frozen=True, kw_only=True)
class ArchiveObjects:
    """What the server's pod needs of them; nothing when the archive is off."""

    resources: tuple[Resource, ...] = ()
    egress: tuple[NetworkPolicyEgressRuleArgsDict, ...] = ()
    annotations: Mapping[str, Input[str]] = field(default_factory=dict)
    """Checksum of the scripts. Not of the credentials, which the container reads again for each upload."""

    references: Mapping[str, SecretReference] = field(default_factory=dict)
    """Secrets that exist, by the secret config keys of the credentials."""


def archive_objects(
    children: Children, settings: ArchiveSettings, inputs: SecretInputs, namespace: str
) -> ArchiveObjects:
    """Create the scripts, the credentials, and the rules of the pod of a recovery.

    Args:
        children: of PostgreSQL.
        settings: of the archive.
        inputs: secrets that are set.
        namespace: the stack's.
    """
    if not settings.enabled:
        return ArchiveObjects()
    egress = egress_rules(settings.destinations, namespace)
    secrets = {file: Output.secret(inputs.values[name]) for file, name in CREDENTIALS.items() if name in inputs.values}
    resources: list[Resource] = [
        children.config_map(ARCHIVE_CONFIG_MAP, FILES),
        children.of(RECOVERY_LABELS).network_policy(RECOVERY, ingress=[], egress=[*egress]),
    ]
    if secrets:
        resources.append(children.secret(CREDENTIALS_SECRET, secrets).resource)
    return ArchiveObjects(
        resources=tuple(resources),
        egress=tuple(egress),
        annotations={"checksum/archive": checksum(FILES)},
        references={name: inputs.references[name] for name in CREDENTIALS.values() if name in inputs.references},
    )
