"""Settings of Open WebUI: plain, validated values."""

import re
from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import Field

from ..blocks.addresses import HIGHEST_PORT, EgressTarget
from ..blocks.base_settings import Fix, Problem, Settings
from ..blocks.cloud_identity import ServiceAccountSettings
from ..blocks.component_settings import ComponentSettings
from ..blocks.custom_kinds import KindsNeeded
from ..blocks.destinations import Destination, destination_of_target, destination_of_url, is_inside
from ..blocks.extra_settings import OutsideComponentPodSettings
from ..blocks.footprint import Footprint, Pods
from ..blocks.monitoring import MonitoringSettings
from ..blocks.names import EmailAddress, HostName, HttpUrl, ImageDigest, ImageRepository, Text
from ..blocks.needed_objects import NeededObject
from ..blocks.patterns import matching
from ..blocks.quantities import MEBIBYTE
from ..blocks.resources import Resources, Sizes
from .auth.settings import AuthSettings
from .controllers import Clients, combined
from .deadlines import Deadlines
from .documents import DocumentSettings
from .env_destinations import env_destinations
from .environment_names import VariableName
from .exposure_needs import exposure_kinds, exposure_objects
from .exposure_rules import body_size_problems, egress_problems, public_url_problems
from .feature_settings import FeatureSettings, SecretKey
from .gateway_settings import GatewaySettings
from .ingress_settings import IngressSettings
from .load_balancer_settings import LoadBalancerSettings
from .models import ModelSettings
from .observability.settings import ObservabilitySettings
from .performance import PerformanceSettings
from .preflight_resources import preflight_resources
from .termination import grace_seconds, leaving_pods
from .tools import ToolSettings
from .uploads import UploadSettings
from .variable_rules import plugin_variable_problems, variable_problems, variable_warnings

# Open WebUI opens three SQLAlchemy engines a process (async, sync, pgvector). At its own defaults they may hold 45
# connections a pod; these sizes hold 25 and are set explicitly, so that postgresql.maxConnections can be checked.
DATABASE_POOL_SIZE = 5
DATABASE_POOL_OVERFLOW = 5
PGVECTOR_POOL_SIZE = 2
PGVECTOR_POOL_OVERFLOW = 3
CONNECTIONS_PER_POD = 2 * (DATABASE_POOL_SIZE + DATABASE_POOL_OVERFLOW) + PGVECTOR_POOL_SIZE + PGVECTOR_POOL_OVERFLOW
SURGE_PODS = 1
_PORTS = {"http": 80, "https": 443}


_SIZES = Sizes(
    name="OpenWebUI",
    cpu=("500m", "2"),
    memory=("1Gi", "2Gi"),
    ephemeral_storage=("512Mi", "4Gi"),
    about={"ephemeral_storage": "Scratch files and uploads kept in the pod."},
)


class AutoscalingSettings(Settings):
    """Autoscaling by CPU use, instead of a fixed number of replicas."""

    min_replicas: int = Field(2, ge=1, le=100, description="Fewest replicas.")
    max_replicas: int = Field(6, ge=1, le=100, description="Most replicas.")
    target_cpu_percent: int = Field(70, ge=10, le=100, description="Average CPU use to hold, in % of the request.")

    def problems(self) -> Iterator[Problem]:
        if self.min_replicas > self.max_replicas:
            yield Problem(
                keys=("maxReplicas", "minReplicas"),
                message=f"maxReplicas {self.max_replicas} is below minReplicas {self.min_replicas}",
                allowed=f"at least minReplicas ({self.min_replicas})",
                fix=str(self.min_replicas),
            )


_release = matching(
    re.compile(r"[0-9]+\.[0-9]+\.[0-9]+"),
    "release",
    "not a release",
    allowed="three numbers, without v: 0.12.4",
    example="0.12.4",
)


class OpenWebUISettings(ComponentSettings):
    """`openWebui` in the stack's config."""

    pods: OutsideComponentPodSettings = Field(
        OutsideComponentPodSettings(),
        description="How the web pods fit into the cluster: the keys of `pods`, and `extraVolumes`, "
        "`extraVolumeMounts`, `extraInitContainers` and `extraContainers`.",
    )
    version: Annotated[str, _release] = Field(
        "0.12.4",
        description="Release of Open WebUI. Releases that may run side by side roll; any other change stops every "
        "replica before the new version starts.",
    )
    variant: Literal["slim", "full"] = Field(
        "slim", description="`slim`: external AI services only. `full`: with local embedding models, several GB."
    )
    image_repository: ImageRepository = Field(
        "ghcr.io/open-webui/open-webui", description="Repository of the image, for a mirror."
    )
    image_digest: ImageDigest | None = Field(
        None,
        description="Digest of the image, in addition to the tag of `openWebui.version` and `openWebui.variant`. "
        "Nodes run exactly this image. Change the digest together with these keys.",
    )
    replicas: int = Field(2, ge=1, le=100, description="Web pods. Conflicts with `autoscaling`.")
    autoscaling: AutoscalingSettings | None = Field(None, description="Replicas by CPU use. Needs metrics-server.")
    max_unavailable: int = Field(
        1, ge=0, le=99, description="Maximum number of replicas that a drain may evict at the same time."
    )
    drain_seconds: int = Field(
        120,
        ge=0,
        le=1800,
        description="Longest time in seconds for which a replica finishes answers in progress before it stops "
        "(roll, drain, scale-down). It stops as soon as there are none.",
    )
    resources: Annotated[Resources, _SIZES] = _SIZES.field("Requests and limits of each replica.")
    host: HostName | None = Field(
        None, description="Public host name. Sets the public URL, allowed origins and cookies."
    )
    additional_hosts: list[HostName] = Field(
        [],
        examples=["chat.example.org"],
        description="Further public host names: allowed origins, and hosts of the Ingress and its certificate.",
    )
    public_scheme: Literal["http", "https"] | None = Field(
        None,
        description="Scheme in the browser. Default: `https` if the Ingress or the stack's Gateway ends TLS, "
        "otherwise `http`. Set `https` if TLS ends elsewhere (load balancer, default certificate, "
        "existing Gateway, Route).",
    )
    public_port: int | None = Field(
        None, ge=1, le=HIGHEST_PORT, description="Port in the browser. Default: that of the scheme."
    )
    ingress: IngressSettings = Field(IngressSettings(), description="The Ingress, and the clients that may connect.")
    gateway: GatewaySettings = Field(GatewaySettings(), description="HTTPRoute of the Gateway API, and its Gateway.")
    load_balancer: LoadBalancerSettings = Field(LoadBalancerSettings(), description="Service of type LoadBalancer.")
    egress: list[EgressTarget] = Field(
        [],
        description="Further destinations of the web pods, `host:port`, `address:port` or `CIDR:port`. A public "
        "name allows every public address at that port. A name of the cluster (`service.namespace.svc`) "
        "allows all pods of that namespace at that port. For a private network, use its CIDR.",
    )
    admin_email: EmailAddress = Field(
        "admin@example.com", description="Sign-in name of the first administrator, created on an empty database."
    )
    openai_api_base_url: HttpUrl | None = Field(
        None, description="OpenAI-compatible service. Needs the secret `openaiApiKey`. Default: none."
    )
    ollama_base_url: HttpUrl | None = Field(
        None, examples=["http://ollama.ollama.svc:11434"], description="Ollama service. Default: none."
    )
    service_account: ServiceAccountSettings = Field(
        ServiceAccountSettings(), description="The identity of the web pods, also at a cloud provider."
    )
    models: ModelSettings = Field(ModelSettings(), description="Services that serve models.")
    tools: ToolSettings = Field(ToolSettings(), description="Tools of models.")
    uploads: UploadSettings = Field(UploadSettings(), description="Storage of uploaded files.")
    migration_seconds: int = Field(
        1800,
        ge=60,
        le=86_400,
        description="Longest migration of the database by a new release, in seconds. The deadlines of an update are "
        "derived from it.",
    )
    schema_upgrade: Literal["replace", "handover"] = Field(
        "replace",
        description="How an upgrade changes the schema. `replace`: all replicas stop before the first new one starts. "
        "`handover`: they serve until a new one is ready to migrate, and again if the migration fails; for upgrades "
        "after the one that sets it. Needs sessions of PostgreSQL, so not `postgresql.pooler`.",
    )
    documents: DocumentSettings = Field(
        DocumentSettings(), description="Documents: extraction, embedding, search, vectors."
    )
    performance: PerformanceSettings = Field(PerformanceSettings(), description="Throughput of each replica.")
    auth: AuthSettings = Field(AuthSettings(), description="How users sign in, and the accounts that they get.")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field("INFO", description="Log level of Open WebUI.")
    observability: ObservabilitySettings = Field(
        ObservabilitySettings(), description="Logs, the audit log and OpenTelemetry."
    )
    env: dict[VariableName, Text] = Field(
        {},
        description="Further environment variables that Open WebUI or its libraries read. The class of a variable "
        "determines whether it is allowed: `python -m stackctl variables show NAME`.",
    )
    plugin_env: dict[VariableName, Text] = Field(
        {}, description="Environment variables for your own plugins (functions and tools), without secrets."
    )

    def problems(self) -> Iterator[Problem]:
        if self.autoscaling and "replicas" in self.model_fields_set:
            yield Problem(
                keys=("replicas", "autoscaling"),
                message=f"replicas {self.replicas} conflicts with autoscaling, which sets the number itself",
                allowed="either replicas or autoscaling",
                fix=Fix.REMOVE,
            )
        yield from variable_problems(self.env, self.version)
        yield from plugin_variable_problems(self.plugin_env)
        if problem := self._budget_problem():
            yield problem
        yield from public_url_problems(self)
        yield from body_size_problems(self)
        yield from egress_problems(self)
        for feature in self.features.values():
            yield from feature.conflicts(self)

    def _budget_problem(self) -> Problem | None:
        keys = ("maxUnavailable", "autoscaling.minReplicas" if self.autoscaling else "replicas")
        if self.max_unavailable == 0:
            return Problem(
                keys=keys,
                message=f"maxUnavailable 0 with {self.fewest_replicas} replica(s) blocks every drain: no pod may ever "
                "be evicted",
                allowed="at least 1",
                fix="1",
            )
        if 1 < self.fewest_replicas <= self.max_unavailable:
            return Problem(
                keys=keys,
                message=f"maxUnavailable {self.max_unavailable} lets a drain take all {self.fewest_replicas} replicas "
                "at once: no replica would serve",
                allowed=f"from 1 to {self.fewest_replicas - 1}",
                fix="1",
            )
        return None

    def footprint(self, _monitoring: MonitoringSettings) -> Footprint:
        web = Pods(count=self.most_pods, containers=(self.resources.as_kubernetes(),))
        preflight = Pods(count=1, containers=(preflight_resources(),))
        return Footprint(
            pods=(web, preflight),
            volumes=int(self.uploads.kind == "volume"),
            load_balancers=int(self.load_balancer.enabled),
        )

    def kinds_needed(self, monitoring: MonitoringSettings) -> Iterator[KindsNeeded]:
        yield from exposure_kinds(self.ingress, self.gateway)
        yield from monitoring.kinds_needed()

    def objects_needed(self) -> Iterator[NeededObject]:
        return exposure_objects(self.ingress, self.gateway)

    @property
    def fewest_replicas(self) -> int:
        """Minimum number of replicas."""
        return self.autoscaling.min_replicas if self.autoscaling else self.replicas

    @property
    def loses_uploads(self) -> bool:
        """Whether a replica cannot read the uploads of another one."""
        return self.uploads.kind == "pod" and self.most_replicas > 1

    @property
    def most_replicas(self) -> int:
        """Maximum number of replicas."""
        return self.autoscaling.max_replicas if self.autoscaling else self.replicas

    @property
    def deadlines(self) -> Deadlines:
        """Deadlines of an update with these settings."""
        return Deadlines(
            migration=self.migration_seconds, replicas=self.most_replicas, handover=self.handover_seconds or 0
        )

    @property
    def handover_seconds(self) -> int | None:
        """How long the servers of another release may take to stop in a handover; None without handovers."""
        return grace_seconds(self.drain_seconds) if self.schema_upgrade == "handover" else None

    @property
    def most_pods(self) -> int:
        """Pods that may exist at the same time: the surge of a rolling update, and those that it lets drain."""
        return self.most_replicas + SURGE_PODS + leaving_pods(self.most_replicas, self.drain_seconds)

    @property
    def database_connections(self) -> int:
        """Connections to PostgreSQL that all pods together may hold. Those of a pod that drains stay open."""
        # The lock of a server has a session of its own.
        return self.most_pods * (CONNECTIONS_PER_POD + (self.schema_upgrade == "handover"))

    @property
    def image(self) -> str:
        """Image of this version and variant, under the tags the project publishes."""
        digest = f"@{self.image_digest}" if self.image_digest else ""
        return f"{self.image_repository}:v{self.version}{'-slim' if self.variant == 'slim' else ''}{digest}"

    @property
    def features(self) -> dict[str, FeatureSettings]:
        """Settings of every feature, by their key."""
        fields = type(self).model_fields
        return {fields[name].alias or name: value for name, value in self if isinstance(value, FeatureSettings)}

    @property
    def warnings(self) -> Iterator[str]:
        """Warnings about settings that are allowed."""
        yield from variable_warnings(self.env)
        for feature in self.features.values():
            yield from feature.warnings(self)

    @property
    def feature_labels(self) -> dict[str, str]:
        """Labels that the features need on the pods."""
        return {name: value for each in self.features.values() for name, value in each.pod_labels(self).items()}

    @property
    def service_urls(self) -> list[tuple[str, str]]:
        """URLs of the services that the settings name, each with its key."""
        urls = {"openaiApiBaseUrl": self.openai_api_base_url, "ollamaBaseUrl": self.ollama_base_url}
        features = self.features.items()
        return [
            *((key, url) for key, url in urls.items() if url),
            *((f"{key}.{path}", url) for key, feature in features for path, url in feature.endpoints(self)),
        ]

    @property
    def named_destinations(self) -> list[tuple[str, Destination]]:
        """Destinations of the web pods outside the stack from URLs and names, each with its config key."""
        urls = (*self.service_urls, *self.pods.proxy.urls_by_path.items())
        of_urls = ((key, destination_of_url(url)) for key, url in urls)
        of_variables = (
            (f"{key}.{name}", each)
            for key, variables in (("env", self.env), ("pluginEnv", self.plugin_env))
            for name, each in env_destinations(variables, self.hosts)
        )
        return [*((key, each) for key, each in of_urls if each), *of_variables]

    @property
    def hosts_inside(self) -> list[str]:
        """Hosts of the cluster that the web pods reach without the proxy."""
        # The stack's own Tika is the Service of the engine's name.
        own = [self.documents.extraction.engine] if self.documents.extraction.uses_own_tika else []
        return list(dict.fromkeys([*own, *(each.host for each in self.destinations if is_inside(each))]))

    @property
    def targets(self) -> list[Destination]:
        """The destinations of `egress`."""
        return [destination_of_target(target) for target in self.egress]

    @property
    def destinations(self) -> list[Destination]:
        """Everything outside the stack that the web pods connect to."""
        return [*(each for _, each in self.named_destinations), *self.targets]

    @property
    def hosts(self) -> list[str]:
        """Public host names, the first one the stack's own."""
        return list(dict.fromkeys([self.host, *self.additional_hosts])) if self.host else []

    @property
    def scheme(self) -> str:
        """Scheme in the browser."""
        return self.public_scheme or ("https" if self.ingress.tls_secret or self.gateway.tls_secret else "http")

    @property
    def clients(self) -> Clients:
        """Sources of connections to the web pods."""
        return combined(each.clients for each in (self.ingress, self.gateway, self.load_balancer))

    @property
    def file_limit(self) -> int | None:
        """The application's own limit of a file in bytes; None without one."""
        megabytes = self.env.get("RAG_FILE_MAX_SIZE", "")
        return int(megabytes) * MEBIBYTE if megabytes.isdecimal() and int(megabytes) else None

    @property
    def browser_port(self) -> int:
        """Port in the browser."""
        return self.public_port or _PORTS[self.scheme]

    @property
    def origins(self) -> list[str]:
        """Public URLs without a path, as a browser has them in `Origin`: the port only where it is not the scheme's."""
        port = f":{self.browser_port}" if self.browser_port != _PORTS[self.scheme] else ""
        return [f"{self.scheme}://{host}{port}" for host in self.hosts]

    @property
    def public_url(self) -> str | None:
        """URL for browsers, when there is a host."""
        return self.origins[0] if self.origins else None


def feature_secrets() -> tuple[SecretKey, ...]:
    """Every secret config key that a feature can use."""
    features = (field.annotation for field in OpenWebUISettings.model_fields.values())
    return tuple(
        secret
        for feature in features
        if isinstance(feature, type) and issubclass(feature, FeatureSettings)
        for secret in feature.SECRETS
    )
