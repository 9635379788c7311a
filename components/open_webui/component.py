"""Open WebUI as one ComponentResource: the web pods, their secrets, Service, Ingress, budget and network edges."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pulumi
import pulumi_kubernetes as k8s
from pulumi import Input, Output, ResourceOptions
from pulumi_kubernetes.core.v1 import EnvVarArgsDict, PodTemplateSpecArgsDict
from pulumi_kubernetes.meta.v1 import ObjectMetaArgsDict

from ..blocks.children import child_options, stateful
from ..blocks.connection import Backend, ConnectionSecret
from ..blocks.disruption_budget import disruption_budget
from ..blocks.egress import egress_rules
from ..blocks.generated_secrets import checksum, generated_password
from ..blocks.labels import Labels
from ..blocks.network_policy import allow_from, cilium_policy, network_policy
from ..blocks.remembered import remember
from ..blocks.service import service
from ..blocks.service_account import service_account
from .deadlines import REDIS_WAIT_SECONDS
from .encryption_keys import ENCRYPTION_VARIABLES, encryption_keys, kept_key
from .environment import environment, plain_variables, redis_environment, secret_variables
from .ingress import clients, ingress, service_annotations
from .pod import PORT, UPLOADS_CLAIM, pod
from .preflight_job import JOB as PREFLIGHT
from .preflight_job import LABELS as PREFLIGHT_LABELS
from .preflight_job import preflight_job, preflight_policy
from .settings import AutoscalingSettings, OpenWebUISettings
from .startup_scripts import config_map, startup_scripts
from .stored_vectors import REMEMBERED, refused_vectors, stored_vectors
from .termination import MIN_READY_SECONDS, deletion_timeout

if TYPE_CHECKING:
    # Most stacks have no autoscaler, and the module takes a while to import.
    from pulumi_kubernetes.autoscaling.v2 import MetricTargetArgsDict

SERVICE = "open-webui"
SERVICE_PORT = 80
LABELS = Labels(app="open-webui", component="web")
DATABASE_CLIENTS = [LABELS.selector, PREFLIGHT_LABELS.selector]
"""Selectors of the pods that connect to PostgreSQL."""

VERSION_LABEL = "app.kubernetes.io/version"


@dataclass(frozen=True, kw_only=True)
class OpenWebUIArgs:
    """What Open WebUI needs from outside."""

    namespace: Input[str]
    """Existing namespace. The objects' names there are fixed: ``open-webui``, ``openwebui-secret``."""

    namespace_name: str
    """The same name as a plain value, for rules that are decided before anything exists."""

    settings: OpenWebUISettings
    """Validated settings, plain values."""

    redis: Backend
    """Redis, with ``cache-url`` and ``websocket-url`` in its Secret."""

    database: Backend
    """PostgreSQL, with ``client-url`` in its Secret."""

    secret_inputs: Mapping[str, Input[str]]
    """Secret config keys that are set: ``openaiApiKey`` and such, variables like ``OAUTH_CLIENT_SECRET``."""

    rotation: int
    """Number of the current signing key, from 1."""

    protect: bool
    """Whether the volume of uploads and the key of encrypted data are refused deletion."""


class OpenWebUI(pulumi.ComponentResource):
    """Any number of interchangeable web pods.

    A change of configuration rolls them without a failed request. A change of the version stops them all first, since
    two versions must never work on one database.
    """

    url: Output[str]
    """Where users find it: the public host when there is one, else the Service inside the cluster."""

    admin_email: Output[str]
    """Sign-in name of the first administrator."""

    admin_password: Output[str]
    """Password of the first administrator, valid until it is changed in the application. Secret."""

    def __init__(self, name: str, args: OpenWebUIArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("open-webui-stack:open_webui:OpenWebUI", name, opts=opts)
        self._args = args
        self._files = startup_scripts()
        self._metadata: ObjectMetaArgsDict = {"namespace": args.namespace, "labels": LABELS.metadata}

        self.admin_email = Output.from_input(args.settings.admin_email)
        self.admin_password = generated_password("openwebui-admin-password", 1, child_options(self))
        self._deployment(self._own_secret(), self._admin_secret())
        self._exposure()
        self._scaling()
        inside = Output.concat("http://", SERVICE, ".", args.namespace, ".svc.cluster.local")
        self.url = Output.from_input(args.settings.public_url) if args.settings.public_url else inside
        if args.settings.loses_uploads:
            pulumi.log.warn(
                f"openWebui.uploads.kind is pod with {args.settings.most_replicas} replicas: models do not get the "
                "pictures that another replica took, and a file goes with its pod. This is for trying the stack out.",
                self,
            )
        self.register_outputs({"url": self.url, "admin_email": self.admin_email, "admin_password": self.admin_password})

    def _own_secret(self) -> ConnectionSecret:
        given = self._args.secret_inputs
        signing_key = generated_password("openwebui-secret-key", self._args.rotation, child_options(self))
        encryption = kept_key(signing_key, child_options(self, **stateful(self._args.protect))).apply(encryption_keys)
        contents: dict[str, Input[str]] = {
            "secret-key": signing_key,
            **{key: encryption[variable] for variable, key in ENCRYPTION_VARIABLES.items()},
            **{key: given[name] for name, (key, _) in secret_variables(given).items()},
        }
        secret = k8s.core.v1.Secret(
            "openwebui-secret",
            metadata={"name": "openwebui-secret", **self._metadata},
            string_data=contents,
            opts=child_options(self),
        )
        return ConnectionSecret(name="openwebui-secret", checksum=checksum(contents), resource=secret)

    def _admin_secret(self) -> k8s.core.v1.Secret:
        # Apart from the other secrets and outside every checksum: it is read once, on an empty database.
        return k8s.core.v1.Secret(
            "openwebui-admin",
            metadata={"name": "openwebui-admin", **self._metadata},
            string_data={"email": self.admin_email, "password": self.admin_password},
            opts=child_options(self),
        )

    def _deployment(self, own: ConnectionSecret, admin: k8s.core.v1.Secret) -> None:
        args, settings = self._args, self._args.settings
        scripts = config_map(self._metadata, self._files, child_options(self))
        account = service_account("open-webui", in_namespace=args.namespace, labels=LABELS, opts=child_options(self))
        secrets = [own, args.redis.connection, args.database.connection]
        needed = [*(secret.resource for secret in secrets), admin, scripts, account]
        preflight = self._preflight(own, needed)
        # Recorded only where the preflight has found the same in the database.
        vectors = remember(
            REMEMBERED,
            stored_vectors(settings.documents),
            refused_vectors,
            child_options(self, depends_on=[preflight]),
        )
        deadlines = settings.deadlines
        k8s.apps.v1.Deployment(
            "open-webui",
            metadata={"name": "open-webui", "namespace": args.namespace, "labels": self._version_labels},
            spec={
                "replicas": settings.fewest_replicas,
                "revision_history_limit": 2,
                "min_ready_seconds": MIN_READY_SECONDS,
                "progress_deadline_seconds": deadlines.progress,
                "strategy": {"type": "RollingUpdate", "rolling_update": {"max_unavailable": 0, "max_surge": 1}},
                "selector": {"match_labels": LABELS.selector},
                "template": self._template(own),
            },
            opts=child_options(
                self,
                # The preflight has come to its end before anything of the old pods is touched.
                depends_on=[*needed, preflight, vectors, *self._uploads_volume()],
                # Two versions on one database break both: the old pods are gone before the first new one starts.
                replace_on_changes=[f'metadata.labels["{VERSION_LABEL}"]'],
                delete_before_replace=True,
                # After the start the number is the autoscaler's: one here would undo its work at every update.
                ignore_changes=["spec.replicas"] if settings.autoscaling else [],
                custom_timeouts=pulumi.CustomTimeouts(
                    create=f"{deadlines.create}s",
                    update=f"{deadlines.update}s",
                    delete=deletion_timeout(settings.drain_seconds),
                ),
            ),
        )

    def _preflight(self, own: ConnectionSecret, depends_on: list[pulumi.Resource]) -> pulumi.Resource:
        args = self._args
        # All ways out of the web pods: a private S3 service or a proxy may be behind any of them.
        destinations = args.settings.destinations if args.settings.uploads.kind == "s3" else []
        bucket = egress_rules(destinations, args.namespace_name)
        policy = preflight_policy(args.namespace, [*args.database.egress, *bucket], child_options(self))
        account = service_account(
            PREFLIGHT, in_namespace=args.namespace, labels=PREFLIGHT_LABELS, opts=child_options(self)
        )
        return preflight_job(
            args.settings,
            in_namespace=args.namespace,
            files=self._files,
            environment=self._variables(own, migrate=True),
            checksums={
                "checksum/openwebui-secret": own.checksum,
                "checksum/postgresql-secret": args.database.connection.checksum,
            },
            opts=child_options(self, depends_on=[*depends_on, policy, account]),
        )

    def _template(self, own: ConnectionSecret) -> PodTemplateSpecArgsDict:
        args = self._args
        return {
            "metadata": {
                "labels": self._version_labels,
                "annotations": {
                    "checksum/openwebui-secret": own.checksum,
                    "checksum/redis-config": args.redis.connection.checksum,
                    "checksum/postgresql-secret": args.database.connection.checksum,
                },
            },
            "spec": pod(
                args.settings,
                LABELS,
                serve=self._variables(own, migrate=False),
                migrate=self._variables(own, migrate=True),
                redis=[
                    *redis_environment(args.redis, args.settings.env),
                    *plain_variables({"REDIS_WAIT_SECONDS": REDIS_WAIT_SECONDS}),
                ],
                files=self._files,
                authority=args.redis.authority,
            ),
        }

    def _variables(self, own: ConnectionSecret, *, migrate: bool) -> list[EnvVarArgsDict]:
        args = self._args
        return environment(
            args.settings,
            redis=args.redis,
            database=args.database.connection,
            own=own,
            admin_secret="openwebui-admin",
            secret_inputs=args.secret_inputs.keys(),
            migrate=migrate,
        )

    @property
    def _version_labels(self) -> dict[str, str]:
        return {**LABELS.metadata, VERSION_LABEL: self._args.settings.version}

    def _uploads_volume(self) -> list[k8s.core.v1.PersistentVolumeClaim]:
        uploads = self._args.settings.uploads
        if uploads.kind != "volume":
            return []
        return [
            k8s.core.v1.PersistentVolumeClaim(
                UPLOADS_CLAIM,
                metadata={"name": UPLOADS_CLAIM, **self._metadata},
                spec={
                    "access_modes": ["ReadWriteMany"],
                    "resources": {"requests": {"storage": uploads.volume.size}},
                    **({"storage_class_name": uploads.volume.class_name} if uploads.volume.class_name else {}),
                },
                opts=child_options(self, **stateful(self._args.protect)),
            )
        ]

    def _exposure(self) -> None:
        args, settings = self._args, self._args.settings
        service(
            SERVICE,
            in_namespace=args.namespace,
            labels=LABELS,
            port_name="http",
            port=SERVICE_PORT,
            annotations=service_annotations(settings.ingress),
            opts=child_options(self),
        )
        if settings.ingress.enabled:
            ingress(
                "open-webui",
                in_namespace=args.namespace,
                labels=LABELS,
                settings=settings.ingress,
                hosts=settings.hosts,
                service=SERVICE,
                port_name="http",
                opts=child_options(self),
            )
        self._network_policies()

    def _network_policies(self) -> None:
        args, settings = self._args, self._args.settings
        peers = clients(settings.ingress)
        network_policy(
            "open-webui",
            in_namespace=args.namespace,
            labels=LABELS.metadata,
            selector=LABELS.selector,
            # Without peers a rule is for everybody.
            ingress=[allow_from(peers, PORT)] if settings.ingress.is_exposed and peers else [],
            egress=[
                *args.redis.egress,
                *args.database.egress,
                *egress_rules(settings.destinations, args.namespace_name),
            ],
            opts=child_options(self),
        )
        if settings.ingress.is_exposed and (entities := settings.ingress.peers.cilium_entities):
            cilium_policy(
                "open-webui-from-cilium",
                in_namespace=args.namespace,
                labels=LABELS.metadata,
                selector=LABELS.selector,
                entities=entities,
                port=PORT,
                opts=child_options(self),
            )

    def _scaling(self) -> None:
        args, settings = self._args, self._args.settings
        disruption_budget(
            "open-webui",
            in_namespace=args.namespace,
            labels=LABELS,
            max_unavailable=settings.max_unavailable,
            opts=child_options(self),
        )
        if not (autoscaling := settings.autoscaling):
            return
        k8s.autoscaling.v2.HorizontalPodAutoscaler(
            "open-webui",
            metadata={"name": "open-webui", **self._metadata},
            spec={
                "scale_target_ref": {"api_version": "apps/v1", "kind": "Deployment", "name": "open-webui"},
                "min_replicas": autoscaling.min_replicas,
                "max_replicas": autoscaling.max_replicas,
                "metrics": [{"type": "Resource", "resource": {"name": "cpu", "target": _utilization(autoscaling)}}],
                # Every pod that goes drops its websockets: one a minute, after five quiet minutes.
                "behavior": {
                    "scale_down": {
                        "stabilization_window_seconds": 300,
                        "policies": [{"type": "Pods", "value": 1, "period_seconds": 60}],
                    }
                },
            },
            opts=child_options(self),
        )


def _utilization(autoscaling: AutoscalingSettings) -> "MetricTargetArgsDict":
    return {"type": "Utilization", "average_utilization": autoscaling.target_cpu_percent}
