"""Backups as one ComponentResource: the schedule, the volume of the dumps and the network policy rule to the
database."""

import dataclasses
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
from ..blocks.egress import egress_rules
from ..blocks.outside_settings import without_outside
from ..blocks.pod import (
    authority_mounts,
    authority_volumes,
    claim_volume,
    plain_variables,
    restricted_container,
    restricted_pod,
    secret_volume,
)
from ..blocks.secret_inputs import SecretInputs
from ..postgresql.backup_access import BackupAccess
from .bucket import Bucket, UploadedFiles
from .names import (
    APP,
    DIRECTORY,
    DUMP_CONTAINER,
    LABELS,
    RECORD_CONTAINER,
    SECRET_DIRECTORY,
    SECRET_VOLUME,
    VOLUME_CLAIM,
)
from .settings import BackupSettings

_FILES = Path(__file__).with_name("files")
_SCRIPTS = "/etc/backup"
# A cluster that was stopped at the scheduled time runs the backup when it is back; after an hour it waits for the next
# time.
_STARTING_DEADLINE_SECONDS = 3600
# A dump that hangs would keep the next ones from starting.
_LONGEST_SECONDS = 6 * 3600


@dataclass(frozen=True, kw_only=True)
class Server:
    """The server to dump, and the image with its programs."""

    image: str
    """Image with this version's `pg_dump`, `pg_restore` and server."""

    access: BackupAccess
    """How a dump logs in. A restore logs in as the owner of the tables (`stackctl.deployed.backup_jobs`)."""

    prepare_scripts: Mapping[str, str]
    """Text of ``prepare.sh``, which prepares the server that dumps are restored into, and of the files beside it."""

    secrets: Sequence[ConnectionSecret]
    """The Secret that `access` names, if the stack owns it."""

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
    """The egress rules to the server."""

    namespace_name: str
    """The name of `namespace` as a plain value, for rules that the program computes before any object exists."""

    client_image: str
    """Image with Python and a client of S3, that of Open WebUI."""

    uploads: UploadedFiles
    """Where the web pods have uploaded files."""

    secret_inputs: SecretInputs
    """Secrets that are set: the keys of the bucket."""

    protect: bool
    """Whether Pulumi refuses to delete the volume."""


class Backup(Component[BackupArgs]):
    """A CronJob that dumps the database and proves each dump (docs/decisions/0020-backups.md)."""

    TYPE = "open-webui-stack:backup:Backup"
    LABELS = LABELS

    def create(self) -> None:
        args, children = self.args, self._children()
        own = {file.name: file.read_text() for file in sorted(_FILES.glob("*.*"))}
        files = {**own, **args.server.prepare_scripts}
        depends_on = [
            children.config_map(APP, files),
            children.service_account(APP, args.settings.service_account.annotations or None),
            children.network_policy(
                APP,
                ingress=[],
                egress=[*args.egress, *egress_rules(args.settings.destinations, args.namespace_name)],
            ),
            children.volume_claim(
                VOLUME_CLAIM,
                size=args.storage_size,
                class_name=args.settings.storage.class_name,
                protect=args.protect,
                # Pulumi does not wait for the PVC: its class may bind it only when the first pod starts, at the
                # scheduled time.
                skip_await=True,
            ),
            *(secret.resource for secret in args.server.secrets),
            *(self._bucket.objects(children) if self._bucket else []),
        ]
        self._cron_job(children, depends_on)

    def _children(self) -> Children:
        children = self.children(self.args.namespace)
        return children if self._bucket else dataclasses.replace(children, pods=without_outside(children.pods))

    @property
    def _bucket(self) -> Bucket | None:
        args = self.args
        if not args.settings.copied:
            return None
        return Bucket(
            settings=args.settings,
            image=args.client_image,
            uploads=args.uploads,
            secret_inputs=args.secret_inputs,
        )

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
                        # The pod needs no checksums: every run is a new pod, which reads the current scripts and
                        # password.
                        "template": children.pod_template(self._pod()),
                    },
                },
            },
            opts=children.options(depends_on=depends_on),
        )

    def _pod(self) -> PodSpecArgsDict:
        spec: PodSpecArgsDict = {
            "restart_policy": "Never",
            # The script stops its private server and removes the unfinished dump.
            "termination_grace_period_seconds": 60,
            **self._containers(),
            "volumes": self._volumes(),
        }
        # The uploaded files belong to the group of the web pods.
        uploads = self.args.uploads
        shared = self._bucket and uploads.claim
        return restricted_pod(APP, spec, group=uploads.group) if shared else restricted_pod(APP, spec)

    def _containers(self) -> PodSpecArgsDict:
        """One after the other: uploaded files, dump, bucket, record."""
        if not self._bucket:
            return {"containers": [self._container(DUMP_CONTAINER, "run")]}
        dump = self._container(DUMP_CONTAINER, "run")
        return {
            "init_containers": [*self._bucket.before(), dump, self._bucket.after()],
            "containers": [self._container(RECORD_CONTAINER, "record")],
        }

    def _container(self, name: str, command: str) -> ContainerArgsDict:
        server, settings = self.args.server, self.args.settings
        variables = {
            **server.access.variables,
            server.access.file_variable: f"{SECRET_DIRECTORY}/{server.access.key}",
            **({"PGSSLMODE": "verify-full", "PGSSLROOTCERT": server.authority.file} if server.authority else {}),
            "BACKUP_DIRECTORY": DIRECTORY,
            "KEEP": str(settings.keep),
            "PRIVATE_SERVER_OPTIONS": settings.private_server_options,
            **({"TO_BUCKET": "yes"} if settings.copied else {}),
        }
        return restricted_container(
            {
                "name": name,
                "image": server.image,
                "command": ["sh", f"{_SCRIPTS}/backup.sh"],
                "args": [command],
                "env": plain_variables(variables),
                "volume_mounts": [
                    {"name": "backups", "mount_path": DIRECTORY},
                    {"name": "scripts", "mount_path": _SCRIPTS, "read_only": True},
                    {"name": SECRET_VOLUME, "mount_path": SECRET_DIRECTORY, "read_only": True},
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
            secret_volume(SECRET_VOLUME, self.args.server.access.secret, self.args.server.access.key),
            {"name": "tmp", "empty_dir": {"size_limit": "64Mi"}},
            *authority_volumes(self._authorities),
            *(self._bucket.volumes() if self._bucket else []),
        ]

    @property
    def _authorities(self) -> list[Authority]:
        return [self.args.server.authority] if self.args.server.authority else []
