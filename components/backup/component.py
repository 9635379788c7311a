"""Backups as one ComponentResource: the schedule, the volume of the dumps and the edge to the database."""

from dataclasses import dataclass
from pathlib import Path

import pulumi
import pulumi_kubernetes as k8s
from pulumi import Input, ResourceOptions
from pulumi_kubernetes.core.v1 import ContainerArgsDict, PodTemplateSpecArgsDict, VolumeArgsDict
from pulumi_kubernetes.meta.v1 import ObjectMetaArgsDict

from ..blocks.children import child_options, stateful
from ..blocks.connection import Backend
from ..blocks.container_resources import resource_requirements
from ..blocks.labels import Labels
from ..blocks.network_policy import network_policy
from ..blocks.pod_security import container_security_context, pod_security_context
from ..blocks.service_account import service_account
from .settings import BackupSettings

NAME = "postgres-backup"
"""Of the CronJob and of everything beside it but the claim."""

CLAIM = "postgres-backups"
LABELS = Labels(app=NAME, component="backup")

DIRECTORY = "/backups"
_SCRIPT = Path(__file__).with_name("files") / "backup.sh"
_SCRIPTS = "/etc/backup"
_PASSWORD = "/run/secrets/postgresql"
# A cluster that was away at the time makes up for it; after this it waits for the next time.
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
    """Owner of the database; what a dump needs no other rights for."""

    database: str

    prepare_script: str
    """Text of the script that makes such a server: the one that dumps are restored into is made by it, too."""


@dataclass(frozen=True, kw_only=True)
class BackupArgs:
    """What the backups need from outside."""

    namespace: Input[str]
    """Existing namespace. Its objects' names are fixed: ``postgres-backup``, ``postgres-backups``."""

    settings: BackupSettings
    """Validated settings, plain values."""

    storage_size: str
    """Size of the volume, a quantity."""

    server: Server
    """What is dumped."""

    backend: Backend
    """Secret with the key ``password``, and the way to the server."""

    protect: bool
    """Whether the volume is refused deletion."""


class Backup(pulumi.ComponentResource):
    """A CronJob that dumps the database and proves each dump (docs/decisions/0020-backups.md)."""

    def __init__(self, name: str, args: BackupArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("open-webui-stack:backup:Backup", name, opts=opts)
        self._args = args
        self._metadata: ObjectMetaArgsDict = {"namespace": args.namespace, "labels": LABELS.metadata}
        scripts = k8s.core.v1.ConfigMap(
            NAME,
            metadata={"name": NAME, **self._metadata},
            data={"backup.sh": _SCRIPT.read_text(), "prepare.sh": args.server.prepare_script},
            opts=child_options(self),
        )
        account = service_account(NAME, in_namespace=args.namespace, labels=LABELS, opts=child_options(self))
        policy = network_policy(
            NAME,
            in_namespace=args.namespace,
            labels=LABELS.metadata,
            selector=LABELS.selector,
            ingress=[],
            egress=args.backend.egress,
            opts=child_options(self),
        )
        self._cron_job([self._volume(), scripts, account, policy, args.backend.connection.resource])
        self.register_outputs({})

    def _volume(self) -> k8s.core.v1.PersistentVolumeClaim:
        class_name = self._args.settings.storage.class_name
        return k8s.core.v1.PersistentVolumeClaim(
            CLAIM,
            metadata={
                "name": CLAIM,
                **self._metadata,
                # A class may give the volume to the first pod only, which is there at the time of the schedule.
                "annotations": {"pulumi.com/skipAwait": "true"},
            },
            spec={
                "access_modes": ["ReadWriteOnce"],
                "resources": {"requests": {"storage": self._args.storage_size}},
                **({"storage_class_name": class_name} if class_name else {}),
            },
            opts=child_options(self, **stateful(self._args.protect)),
        )

    def _cron_job(self, depends_on: list[pulumi.Resource]) -> None:
        settings = self._args.settings
        k8s.batch.v1.CronJob(
            NAME,
            metadata={"name": NAME, **self._metadata},
            spec={
                "schedule": settings.schedule,
                "time_zone": settings.time_zone,
                "concurrency_policy": "Forbid",
                "starting_deadline_seconds": _STARTING_DEADLINE_SECONDS,
                # What they printed is kept for as long as they are.
                "successful_jobs_history_limit": 3,
                "failed_jobs_history_limit": 3,
                "job_template": {
                    "metadata": {"labels": LABELS.metadata},
                    "spec": {
                        # Of a failed try the pod stays, with its log.
                        "backoff_limit": 2,
                        "active_deadline_seconds": _LONGEST_SECONDS,
                        "template": self._template(),
                    },
                },
            },
            opts=child_options(self, depends_on=depends_on),
        )

    def _template(self) -> PodTemplateSpecArgsDict:
        # No checksums: every run is a new pod, which reads the scripts and the password as they are then.
        return {
            "metadata": {"labels": LABELS.metadata},
            "spec": {
                "service_account_name": NAME,
                "automount_service_account_token": False,
                "enable_service_links": False,
                "restart_policy": "Never",
                "security_context": pod_security_context(),
                # The private server is ended, and what is unfinished removed.
                "termination_grace_period_seconds": 60,
                "containers": [self._container()],
                "volumes": self._volumes(),
            },
        }

    def _container(self) -> ContainerArgsDict:
        server, settings = self._args.server, self._args.settings
        variables = {
            "PGHOST": server.host,
            "PGPORT": str(server.port),
            "PGUSER": server.user,
            "PGDATABASE": server.database,
            "PASSWORD_FILE": f"{_PASSWORD}/password",
            "BACKUP_DIRECTORY": DIRECTORY,
            "KEEP": str(settings.keep),
            "PRIVATE_SERVER_OPTIONS": settings.private_server_options,
        }
        return {
            "name": "backup",
            "image": server.image,
            "image_pull_policy": "IfNotPresent",
            "command": ["sh", f"{_SCRIPTS}/backup.sh"],
            "args": ["run"],
            "env": [{"name": name, "value": value} for name, value in variables.items()],
            "resources": resource_requirements(settings.resources.as_kubernetes()),
            "security_context": container_security_context(),
            "volume_mounts": [
                {"name": "backups", "mount_path": DIRECTORY},
                {"name": "scripts", "mount_path": _SCRIPTS, "read_only": True},
                {"name": "password", "mount_path": _PASSWORD, "read_only": True},
                {"name": "tmp", "mount_path": "/tmp"},
            ],
        }

    def _volumes(self) -> list[VolumeArgsDict]:
        return [
            {"name": "backups", "persistent_volume_claim": {"claim_name": CLAIM}},
            {"name": "scripts", "config_map": {"name": NAME}},
            {
                "name": "password",
                "secret": {
                    "secret_name": self._args.backend.connection.name,
                    "items": [{"key": "password", "path": "password"}],
                    "default_mode": 0o440,
                },
            },
            {"name": "tmp", "empty_dir": {"size_limit": "64Mi"}},
        ]
