"""Settings of a cluster of CloudNativePG."""

import re
from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from ...blocks.addresses import EgressTarget
from ...blocks.base_settings import Fix, Problem, Settings
from ...blocks.image_versions import tag
from ...blocks.names import ExistingNamespace, ImageReference
from ...blocks.patterns import matching
from ...blocks.resources import ContainerResources

IMAGE = "ghcr.io/cloudnative-pg/postgresql:17.11-202608170816-standard-trixie"

# The operator reads the version from the tag: https://cloudnative-pg.io/documentation/current/container_images/
_VERSION = re.compile(r"\d+")


def _operand(image: str) -> str:
    if _VERSION.match(tag(image)):
        return image
    raise PydanticCustomError(
        "operand_image",
        "an image whose tag does not begin with the version of PostgreSQL, by which the operator knows it",
        {"allowed": "an image for CloudNativePG with pgvector", "example": IMAGE},
    )


class SynchronousSettings(Settings):
    """Replicas that confirm each commit."""

    replicas: int | None = Field(
        None,
        ge=0,
        le=8,
        description="Replicas that have to store a commit before it is acknowledged. With 0, a failover loses the last "
        "commits. Default: 1 with three instances or more, else 0.",
    )
    durability: Literal["required", "preferred"] = Field(
        "required",
        description="With fewer connected replicas: `required`: writes wait for a replica. `preferred`: the server "
        "commits without, and a failover may then lose commits.",
    )


def pooler_resources() -> ContainerResources:
    """`resources` of PgBouncer, one process that passes messages on, and of the manager beside it."""
    return {
        "requests": {"cpu": "50m", "memory": "128Mi", "ephemeral-storage": "64Mi"},
        "limits": {"cpu": "1", "memory": "128Mi", "ephemeral-storage": "256Mi"},
    }


_archive_name = matching(
    re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"),
    "archive_name",
    "not a name of an archive",
    allowed="1 to 63 lower-case letters, digits and '-', not at the ends",
    example="postgres",
)
_moment = matching(
    re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(Z|[+-]\d\d:\d\d)"),
    "moment",
    "not a time with its time zone",
    allowed="date, time and time zone, as RFC 3339 has them",
    example="2026-11-29T12:34:56Z",
)


class ClusterRecoverySettings(Settings):
    """The archive that a new cluster is created from."""

    archive_name: Annotated[str, _archive_name] | None = Field(
        None,
        examples=["postgres"],
        description="`archiveName` of the cluster that wrote the archive. The operator creates the new cluster from "
        "this archive. Only for a cluster that does not exist yet.",
    )
    target_time: Annotated[str, _moment] | None = Field(
        None,
        examples=["2026-11-29T12:34:56Z"],
        description="Recover the transactions that were committed until then. Default: all that are in the archive.",
    )

    def problems(self) -> Iterator[Problem]:
        if self.target_time and not self.archive_name:
            yield Problem(
                keys=("targetTime", "archiveName"),
                message="targetTime without archiveName: nothing is recovered",
                allowed="the archive to recover from, or no targetTime",
                fix=Fix.REMOVE,
            )


class CloudNativePGSettings(Settings):
    """`postgresql.cloudnativePg` in the stack's config."""

    instances: int = Field(3, ge=1, le=9, description="Pods of PostgreSQL: one primary, the others replicas.")
    image: Annotated[ImageReference, AfterValidator(_operand)] = Field(
        IMAGE,
        description="Container image for CloudNativePG with pgvector: its `standard` images have it, `minimal` ones do "
        "not. A new major version makes the operator run `pg_upgrade`, while the database is down.",
    )
    synchronous: SynchronousSettings = Field(SynchronousSettings(), description="Replicas that confirm each commit.")
    archive_name: Annotated[str, _archive_name] = Field(
        "postgres",
        examples=["postgres-2"],
        description="Directory of the archive below `postgresql.archive.s3.prefix`. A new cluster needs one that is "
        "empty; for an existing cluster, do not change it.",
    )
    recovery: ClusterRecoverySettings = Field(
        ClusterRecoverySettings(), description="Create the cluster from the archive of another one."
    )
    operator_namespace: ExistingNamespace = Field(
        "cnpg-system", description="Namespace of the operator, whose pods ask the instances for their state."
    )
    api_server: list[EgressTarget] = Field(
        [],
        examples=["10.96.0.1/32:6443"],
        description="Addresses and ports of the API server, which the instances ask for their role "
        "(`kubectl get endpointslices -n default kubernetes`). Default: all private addresses, at ports 443 and 6443.",
    )

    @property
    def synchronous_replicas(self) -> int:
        """Number of replicas that must store a commit; 0 for asynchronous replication."""
        if self.synchronous.replicas is not None:
            return self.synchronous.replicas
        return 1 if self.instances > 2 else 0

    def problems(self) -> Iterator[Problem]:
        if self.synchronous_replicas >= self.instances:
            yield Problem(
                keys=("synchronous.replicas", "instances"),
                message=f"synchronous.replicas {self.synchronous_replicas} with {self.instances} instances: there are "
                "not that many replicas, and no write would end",
                allowed=f"0 to {self.instances - 1}, or more instances",
                fix=str(self.instances - 1),
            )
