"""Settings of PgBouncer."""

from collections.abc import Iterator
from typing import Literal

from pydantic import Field

from ...blocks.base_settings import Fix, Problem, Settings
from ...blocks.image_versions import release
from ...blocks.names import ImageReference

IMAGE = "ghcr.io/cloudnative-pg/pgbouncer:1.26.0"
EXPORTER_IMAGE = "quay.io/prometheuscommunity/pgbouncer-exporter:v0.12.1"

LEAST_RELEASE = (1, 23)
"""Oldest accepted release. From 1.21 on PgBouncer keeps prepared statements in transaction mode; from 1.23 on SIGTERM
waits for the clients: https://www.pgbouncer.org/changelog.html"""

PoolMode = Literal["session", "transaction"]


class PoolerSettings(Settings):
    """`postgresql.pooler` in the stack's config."""

    enabled: bool = Field(
        False,
        description="Run PgBouncer between the web pods and the server. `migrate`, the preflight and backups connect "
        "to the server itself. With an external PostgreSQL, `databaseUrl` has to be a value of the config.",
    )
    instances: int = Field(
        2,
        ge=1,
        le=10,
        description="Pods of PgBouncer. In session mode each has room for all connections, so that `maxConnections` "
        "has to hold the pools of the replicas as many times.",
    )
    mode: PoolMode = Field(
        "session",
        description="When PgBouncer takes back the server connection of a client. `session`: when the client "
        "disconnects. `transaction`: after each transaction, so that many clients share few connections.",
    )
    image: ImageReference = Field(
        IMAGE,
        description="Container image with `pgbouncer` and the clients of PostgreSQL. Its tag names the version: 1.23 "
        "or newer. Not with topology `cloudnative-pg`, where the operator has an image of its own.",
    )
    exporter_image: ImageReference = Field(
        EXPORTER_IMAGE,
        description="Container image of pgbouncer_exporter, which runs with `monitoring.enabled`. Not with topology "
        "`cloudnative-pg`, where PgBouncer has the exporter of the operator.",
    )

    def problems(self) -> Iterator[Problem]:
        without = sorted(self.model_fields_set - {"enabled"})
        if without and not self.enabled:
            yield Problem(
                keys=(without[0], "enabled"),
                message=f"{without[0]} without enabled: there is no PgBouncer",
                allowed="enabled: true, or none of its keys",
                fix=Fix.REMOVE,
            )
        elif self.enabled:
            yield from self._image_problems()

    def _image_problems(self) -> Iterator[Problem]:
        version, least = release(self.image), ".".join(map(str, LEAST_RELEASE))
        if version is None and self.mode == "transaction":
            yield Problem(
                keys=("image", "mode"),
                message=f"image {self.image} with mode transaction: its tag does not name the version, and PgBouncer "
                "below 1.21 loses prepared statements there, and with them writes of Open WebUI",
                allowed=f"an image whose tag names PgBouncer {least} or newer, or mode session",
                fix=IMAGE,
            )
        elif version is not None and version < LEAST_RELEASE:
            yield Problem(
                keys=("image", "mode"),
                message=f"image {self.image} is too old: PgBouncer below 1.21 loses prepared statements in "
                f"transaction mode, and with them writes; below {least} a pod that stops ends the statements of its "
                "clients",
                allowed=f"PgBouncer {least} or newer",
                fix=IMAGE,
            )
