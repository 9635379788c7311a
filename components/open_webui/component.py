"""Open WebUI as one ComponentResource: the web pods, their Secrets, Service, Ingress, budget and network policy."""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi
import pulumi_kubernetes as k8s
from pulumi import Input, Output
from pulumi_kubernetes.core.v1 import EnvVarArgsDict, PodTemplateSpecArgsDict
from pulumi_kubernetes.networking.v1 import NetworkPolicyEgressRuleArgsDict

from ..blocks.children import Children, stateful
from ..blocks.component import Component
from ..blocks.connection import Backend, ConnectionSecret
from ..blocks.egress import egress_rules
from ..blocks.generated_secrets import checksum, generated_password
from ..blocks.labels import Labels
from ..blocks.network_policy import addresses, allow_from, cilium_policy, namespaces
from ..blocks.remembered import remember
from ..blocks.secret_inputs import SecretInputs
from ..blocks.watching import Watching
from .autoscaler import autoscaler
from .encryption_keys import ENCRYPTION_VARIABLES, encryption_keys, kept_key
from .environment import environment, secret_variables
from .gateway import gateway
from .ingress import ingress, service_annotations
from .load_balancer import PUBLISHED, load_balancer
from .monitoring.watching import watch
from .names import (
    ADMIN_EMAIL,
    ADMIN_PASSWORD,
    ADMIN_SECRET,
    APP,
    CILIUM_POLICY,
    GATEWAY,
    GENERATED_ADMIN_PASSWORD,
    GENERATED_SIGNING_KEY,
    LABELS,
    LOAD_BALANCER,
    PORT,
    PORT_NAME,
    PREFLIGHT,
    PREFLIGHT_LABELS,
    ROTATION_ANNOTATION,
    SECRET,
    SECRET_KEY,
    SERVICE,
    SERVICE_PORT,
    VOLUME_CLAIM,
)
from .pod import pod
from .preflight_job import preflight_job
from .retries import retry_middleware
from .rolling_upgrade import RollingUpgrade, upgrade_annotations
from .settings import OpenWebUISettings
from .startup_scripts import config_map, startup_scripts
from .stored_vectors import REMEMBERED, refused_vectors, stored_vectors
from .termination import MIN_READY_SECONDS, deletion_timeout

RETIRED = (
    "openWebui.ingress: upstream has retired ingress-nginx, and its vulnerabilities are no longer fixed "
    "(https://kubernetes.io/blog/2025/11/11/ingress-nginx-retirement/). Move to another controller, or to "
    "openWebui.gateway."
)


@dataclass(frozen=True, kw_only=True)
class OpenWebUIArgs:
    """What Open WebUI needs from outside."""

    namespace: Input[str]
    """Existing namespace. The names of the objects in it are fixed (`names`)."""

    namespace_name: str
    """The name of the namespace as a plain value, for rules that the program computes before any object exists."""

    settings: OpenWebUISettings
    """Validated settings, plain values."""

    redis: Backend
    """Redis, with ``cache-url`` and ``websocket-url`` in its Secret."""

    database: Backend
    """PostgreSQL, with ``client-url`` in its Secret."""

    egress: Sequence[NetworkPolicyEgressRuleArgsDict]
    """Rules for the connections of the web pods to other components, Redis and PostgreSQL among them."""

    variables: Mapping[str, str]
    """Environment variables with the addresses of other components, without secrets."""

    secret_inputs: SecretInputs
    """Secrets that are set: ``openaiApiKey`` and such, variables like ``OAUTH_CLIENT_SECRET``."""

    rotation: int
    """Number of the current signing key, from 1."""

    protect: bool
    """Whether Pulumi refuses to delete the volume of uploads and the encryption key."""

    watching: Watching | None = None
    """How the Prometheus operator watches the web pods. None: it does not."""

    servers: Sequence[pulumi.Resource] = ()
    """Components that have to be ready before the preflight, and before the web pods."""

    starts_together: bool = False
    """Whether the web pods are created beside `servers` and the preflight: only when none serves yet."""


class OpenWebUI(Component[OpenWebUIArgs]):
    """Any number of interchangeable web pods.

    A change of the configuration rolls them without a failed request. A release that may run beside the present one
    rolls them, too (`releases`). Any other release stops them all first, because two releases must never use a schema
    that one of them has changed.
    """

    TYPE = "open-webui-stack:open_webui:OpenWebUI"
    LABELS = LABELS
    OUTPUTS = ("url", "admin_email", "admin_password")

    url: Output[str]
    """URL for users: that of the public host when there is one, else that of the Service inside the cluster."""

    admin_email: Output[str]
    """Sign-in name of the first administrator."""

    admin_password: Output[str] | None
    """Password of the first administrator, valid until a user changes it in Open WebUI. Secret. None: it is in an
    existing Secret."""

    def create(self) -> None:
        args, settings = self.args, self.args.settings
        children = self.children(args.namespace)
        self._files = startup_scripts()
        self.admin_email = Output.from_input(settings.admin_email)
        self.admin_password = None
        if "WEBUI_ADMIN_PASSWORD" not in args.secret_inputs.references:
            self.admin_password = generated_password(GENERATED_ADMIN_PASSWORD, 1, children.options())
        self._deployment(children, self._own_secret(children), self._admin_secret(children))
        self._exposure(children)
        self._scaling(children)
        if self.args.watching:
            watch(children, self.args.watching, self.args.namespace_name, settings)
        inside = Output.concat("http://", SERVICE, ".", args.namespace, ".svc.cluster.local")
        self.url = Output.from_input(settings.public_url) if settings.public_url else inside
        if settings.loses_uploads:
            pulumi.log.warn(
                f"openWebui.uploads.kind is pod with {settings.most_replicas} replicas: models do not get the "
                "pictures that another replica took, and a file goes with its pod. This is for trying the stack out.",
                self,
            )

    def _own_secret(self, children: Children) -> ConnectionSecret:
        inputs = self.args.secret_inputs
        # The stack also generates this key if the pods use an existing Secret: the encryption keys are derived from it,
        # and its random bits protect the other values against guessing by the checksum of the Secret.
        signing_key = generated_password(GENERATED_SIGNING_KEY, self.args.rotation, children.options())
        kept = kept_key(signing_key, children.options(**stateful(self.args.protect)))
        encryption = kept.apply(encryption_keys)
        contents: dict[str, Input[str]] = {
            SECRET_KEY: signing_key,
            **{key: encryption[variable] for variable, key in ENCRYPTION_VARIABLES.items()},
            **{
                key: inputs.values[name] for name, (key, _) in secret_variables(inputs).items() if name in inputs.values
            },
        }
        return children.secret(SECRET, contents)

    def _admin_secret(self, children: Children) -> pulumi.Resource:
        # In a separate Secret that no checksum covers: Open WebUI reads it once, on an empty database.
        contents: dict[str, Input[str]] = {ADMIN_EMAIL: self.admin_email}
        if self.admin_password is not None:
            contents[ADMIN_PASSWORD] = self.admin_password
        return children.secret(ADMIN_SECRET, contents).resource

    def _deployment(self, children: Children, own: ConnectionSecret, admin: pulumi.Resource) -> None:
        args, settings = self.args, self.args.settings
        needed = [
            *(secret.resource for secret in (own, *args.redis.connection.owned, *args.database.connection.owned)),
            admin,
            config_map(children, self._files),
            children.service_account(APP, settings.service_account.annotations),
        ]
        preflight = self._preflight(children.of(PREFLIGHT_LABELS), own, needed)
        # Recorded only after the preflight has compared it with the database.
        vectors = remember(
            REMEMBERED, stored_vectors(settings.documents), refused_vectors, children.options(depends_on=[preflight])
        )
        # Recorded only after the preflight has succeeded: the next update compares with it.
        upgrade = RollingUpgrade(self, settings)
        record = upgrade.record(children.options(depends_on=[preflight]))
        volume = self._uploads_volume(children)
        if args.starts_together:
            self._web_pods(children, own, [*needed, *volume], upgrade.options())
            return
        depends_on = [*needed, preflight, vectors, record, *volume]
        # The options of the Deployment are known when the record is registered. Its URN is known in every preview.
        record.urn.apply(lambda _urn: self._web_pods(children, own, depends_on, upgrade.options()))

    def _web_pods(
        self,
        children: Children,
        own: ConnectionSecret,
        depends_on: Sequence[pulumi.Resource],
        replacement: pulumi.ResourceOptions,
    ) -> None:
        settings = self.args.settings
        deadlines = settings.deadlines
        options = children.options(
            # The preflight completes before any old pod is touched.
            depends_on=depends_on,
            # The autoscaler sets the number of replicas. A number here would override it at every update.
            ignore_changes=["spec.replicas"] if settings.autoscaling else [],
            custom_timeouts=pulumi.CustomTimeouts(
                create=f"{deadlines.first_create if self.args.starts_together else deadlines.create}s",
                update=f"{deadlines.update}s",
                delete=deletion_timeout(settings.drain_seconds),
            ),
        )
        k8s.apps.v1.Deployment(
            APP,
            metadata=children.of(self._version_labels).metadata(APP, upgrade_annotations(settings) or None),
            spec={
                "replicas": settings.fewest_replicas,
                "revision_history_limit": 2,
                "min_ready_seconds": MIN_READY_SECONDS,
                "progress_deadline_seconds": deadlines.progress,
                "strategy": {"type": "RollingUpdate", "rolling_update": {"max_unavailable": 0, "max_surge": 1}},
                "selector": {"match_labels": LABELS.selector},
                "template": self._template(children, own),
            },
            opts=pulumi.ResourceOptions.merge(options, replacement),
        )

    def _preflight(
        self, children: Children, own: ConnectionSecret, depends_on: list[pulumi.Resource]
    ) -> pulumi.Resource:
        args, uploads = self.args, self.args.settings.uploads
        # All destinations of the web pods, because any of them may be a private upload storage or a proxy.
        destinations = args.settings.destinations if uploads.store else []
        bucket = egress_rules(destinations, args.namespace_name)
        policy = children.network_policy(PREFLIGHT, ingress=[], egress=[*args.database.egress, *bucket])
        # The preflight uses the ServiceAccount of the web pods, because it checks whether the provider admits this
        # account.
        account = [] if uploads.uses_service_account else [children.service_account(PREFLIGHT)]
        return preflight_job(
            children,
            args.settings,
            files=self._files,
            environment=self._variables(own, migrate=True),
            authorities=args.database.authorities,
            most_connections=args.database.most_connections,
            account=PREFLIGHT if account else APP,
            checksums=self._checksums(own, *args.database.connection.owned),
            depends_on=[*depends_on, policy, *account, *args.servers],
        )

    def _template(self, children: Children, own: ConnectionSecret) -> PodTemplateSpecArgsDict:
        args = self.args
        spec = pod(
            args.settings,
            serve=self._variables(own, migrate=False),
            migrate=self._variables(own, migrate=True),
            files=self._files,
            redis_authority=args.redis.authority,
            database_authorities=args.database.authorities,
        )
        checksums = self._checksums(own, *args.redis.connection.owned, *args.database.connection.owned)
        return children.of(self._version_labels).pod_template(spec, checksums, args.settings.feature_labels)

    def _checksums(self, *secrets: ConnectionSecret) -> dict[str, Input[str]]:
        """Annotations that roll the pods when a Secret of the pods or the annotations of their ServiceAccount
        change."""
        inputs = self.args.secret_inputs
        # Webhooks of cloud providers read them when a pod is created.
        account = self.args.settings.service_account.annotations
        return {
            **{f"checksum/{secret.name}": secret.checksum for secret in secrets},
            **({"checksum/service-account": checksum(account)} if account else {}),
            **({ROTATION_ANNOTATION: str(inputs.rotation)} if inputs.references else {}),
        }

    def _variables(self, own: ConnectionSecret, *, migrate: bool) -> list[EnvVarArgsDict]:
        args = self.args
        return environment(
            args.settings,
            redis=args.redis,
            database=args.database,
            own=own,
            secret_inputs=args.secret_inputs,
            services=args.variables,
            migrate=migrate,
        )

    @property
    def _version_labels(self) -> Labels:
        return dataclasses.replace(LABELS, version=self.args.settings.version)

    def _uploads_volume(self, children: Children) -> list[pulumi.Resource]:
        uploads = self.args.settings.uploads
        if uploads.kind != "volume" or uploads.volume.existing_claim:
            return []
        return [
            children.volume_claim(
                VOLUME_CLAIM,
                size=uploads.volume.size,
                class_name=uploads.volume.class_name,
                access_mode="ReadWriteMany",
                protect=self.args.protect,
            )
        ]

    def _exposure(self, children: Children) -> None:
        settings = self.args.settings
        children.service(
            SERVICE, port_name=PORT_NAME, port=SERVICE_PORT, annotations=service_annotations(settings.ingress)
        )
        retries = settings.ingress.retry_connections or settings.gateway.retry_connections
        middlewares = [retry_middleware(children)] if retries else []
        if settings.ingress.enabled:
            ingress(
                children,
                APP,
                settings=settings.ingress,
                hosts=settings.hosts,
                file_limit=settings.file_limit,
                service=SERVICE,
                port_name=PORT_NAME,
                middlewares=middlewares,
            )
            if settings.ingress.peers.is_retired:
                pulumi.log.warn(RETIRED, self)
        if settings.gateway.enabled:
            gateway(
                children,
                GATEWAY,
                settings=settings.gateway,
                hosts=settings.hosts,
                public_port=settings.public_port,
                service=SERVICE,
                service_port=SERVICE_PORT,
                middlewares=middlewares,
            )
        if settings.load_balancer.enabled:
            load_balancer(
                children,
                LOAD_BALANCER,
                settings=settings.load_balancer,
                port=settings.browser_port,
                port_name=PORT_NAME,
            )
        self._network_policies(children)

    def _network_policies(self, children: Children) -> None:
        args, settings = self.args, self.args.settings
        clients = settings.clients
        peers = [
            *(namespaces(labels, pod_labels) for labels, pod_labels in clients.pods),
            *(addresses(cidr) for cidr in clients.cidrs),
        ]
        children.network_policy(
            APP,
            # A rule without peers admits all clients.
            ingress=[allow_from(peers, PORT)] if peers else [],
            egress=[*args.egress, *egress_rules(settings.destinations, args.namespace_name)],
            annotations=PUBLISHED if settings.load_balancer.admits_everyone else None,
        )
        if clients.cilium_entities:
            cilium_policy(
                CILIUM_POLICY,
                in_namespace=args.namespace,
                labels=LABELS.metadata,
                selector=LABELS.selector,
                entities=clients.cilium_entities,
                port=PORT,
                opts=children.options(),
            )

    def _scaling(self, children: Children) -> None:
        settings = self.args.settings
        children.disruption_budget(APP, max_unavailable=settings.max_unavailable)
        if settings.autoscaling:
            autoscaler(children, APP, settings.autoscaling)
