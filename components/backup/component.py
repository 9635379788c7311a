"""Backups as one ComponentResource: the schedule, the volume of the dumps and the rule that leads to the database."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pulumi
import pulumi_kubernetes as k8s
from pulumi import Input
from pulumi_kubernetes.core.v1 import ContainerArgsDict, PodSpecArgsDict, VolumeArgsDict
from pulumi_kubernetes.networking.v1 import NetworkPolicyEgressRuleArgsDict

from ..blocks.authority import Authority
from ..blocks.children import Children
from ..blocks.component import Component
from ..blocks.connection import ConnectionSecret
from ..blocks.pod import (
    authority_mounts,
    authority_volumes,
    claim_volume,
    plain_variables,
    restricted_container,
    restricted_pod,
    secret_volume,
)
from .names import APP, LABELS, VOLUME_CLAIM
from .settings import BackupSettings

DIRECTORY = "/backups"
_FILES = Path(__file__).with_name("files")
_SCRIPTS = "/etc/backup"
_PASSWORD = "/run/secrets/postgresql"
# A cluster that was stopped at the scheduled time runs the backup when it is back; after an hour it waits for the next
# time.
_STARTING_DEADLINE_SECONDS = 3600
# A dump that hangs would keep the next ones from starting.
_LONGEST_SECONDS = 6 * 3600


@dataclass(frozen=True, kw_only=True)
class Server:
    """The server whose database is dumped, and whose programs do it."""

    image: str
    """Image with this version's `pg_dump`, `pg_restore` and server."""

    host: str
    port: int

    user: str
    """Owner of the database: a dump needs no other rights."""

    database: str

    prepare_scripts: Mapping[str, str]
    """Text of ``prepare.sh``, which prepares the server that dumps are restored into, and of the files beside it."""

    secret: ConnectionSecret
    """Secret with the password."""

    password_key: str
    """Key of the Secret with the password."""

    authority: Authority | None
    """The certificate authority of the server. None: it has no TLS."""


@dataclass(frozen=True, kw_only=True)
class BackupArgs:
    """What the backups need from outside."""

    namespace: Input[str]
    """Existing namespace. The names of its objects are fixed (`names`)."""

    settings: BackupSettings
    """Validated settings, plain values."""

    storage_size: str
    """Size of the volume, a quantity."""

    server: Server
    """The server of the database."""

    egress: Sequence[NetworkPolicyEgressRuleArgsDict]
    """The network policy rules that lead to the server."""

    protect: bool
    """Whether the volume is refused deletion."""


class Backup(Component[BackupArgs]):
    """A CronJob that dumps the database and proves each dump (docs/decisions/0020-backups.md)."""

    TYPE = "open-webui-stack:backup:Backup"
    LABELS = LABELS

    def create(self) -> None:
        args, children = self.args, self.children(self.args.namespace)
        own = {file.name: file.read_text() for file in sorted(_FILES.iterdir())}
        files = {**own, **args.server.prepare_scripts}
        depends_on = [
            children.config_map(APP, files),
            children.service_account(APP),
            children.network_policy(APP, ingress=[], egress=[*args.egress]),
            children.volume_claim(
                VOLUME_CLAIM,
                size=args.storage_size,
                class_name=args.settings.storage.class_name,
                protect=args.protect,
                # A class may bind the PVC to the first pod that mounts it, which starts at the scheduled time.
                skip_await=True,
            ),
            args.server.secret.resource,
        ]
        self._cron_job(children, depends_on)

    def _cron_job(self, children: Children, depends_on: list[pulumi.Resource]) -> None:
        settings = self.args.settings
        k8s.batch.v1.CronJob(
            APP,
            metadata=children.metadata(APP),
            spec={
                "schedule": settings.schedule,
                "time_zone": settings.time_zone,
                "concurrency_policy": "Forbid",
                "starting_deadline_seconds": _STARTING_DEADLINE_SECONDS,
                # The logs of the pods are kept as long as their Jobs.
                "successful_jobs_history_limit": 3,
                "failed_jobs_history_limit": 3,
                "job_template": {
                    "metadata": {"labels": LABELS.metadata},
                    "spec": {
                        # The pod of a failed attempt stays, with its log.
                        "backoff_limit": 2,
                        "active_deadline_seconds": _LONGEST_SECONDS,
                        # No checksums: every run is a new pod, which reads the current scripts and password.
                        "template": children.pod_template(self._pod()),
                    },
                },
            },
            opts=children.options(depends_on=depends_on),
        )

    def _pod(self) -> PodSpecArgsDict:
        return restricted_pod(
            APP,
            {
                "restart_policy": "Never",
                # The script stops its private server and removes the unfinished dump.
                "termination_grace_period_seconds": 60,
                "containers": [self._container()],
                "volumes": self._volumes(),
            },
        )

    def _container(self) -> ContainerArgsDict:
        server, settings = self.args.server, self.args.settings
        variables = {
            "PGHOST": server.host,
            "PGPORT": str(server.port),
            "PGUSER": server.user,
            "PGDATABASE": server.database,
            "PASSWORD_FILE": f"{_PASSWORD}/{server.password_key}",
            **({"PGSSLMODE": "verify-full", "PGSSLROOTCERT": server.authority.file} if server.authority else {}),
            "BACKUP_DIRECTORY": DIRECTORY,
            "KEEP": str(settings.keep),
            "PRIVATE_SERVER_OPTIONS": settings.private_server_options,
        }
        return restricted_container(
            {
                "name": "backup",
                "image": server.image,
                "command": ["sh", f"{_SCRIPTS}/backup.sh"],
                "args": ["run"],
                "env": plain_variables(variables),
                "volume_mounts": [
                    {"name": "backups", "mount_path": DIRECTORY},
                    {"name": "scripts", "mount_path": _SCRIPTS, "read_only": True},
                    {"name": "password", "mount_path": _PASSWORD, "read_only": True},
                    {"name": "tmp", "mount_path": "/tmp"},
                    *authority_mounts(self._authorities),
                ],
            },
            settings.resources.as_kubernetes(),
        )

    def _volumes(self) -> list[VolumeArgsDict]:
        return [
            claim_volume("backups", VOLUME_CLAIM),
            {"name": "scripts", "config_map": {"name": APP}},
            secret_volume("password", self.args.server.secret.name, self.args.server.password_key),
            {"name": "tmp", "empty_dir": {"size_limit": "64Mi"}},
            *authority_volumes(self._authorities),
        ]

    @property
    def _authorities(self) -> list[Authority]:
        return [self.args.server.authority] if self.args.server.authority else []
