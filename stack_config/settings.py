"""The settings of the stack: those of its components, and the rules between them."""

from collections.abc import Iterator
from typing import ClassVar, Self

from pydantic import Field

from components.backup.settings import BackupSettings
from components.blocks.base_settings import Fix, Problem, Settings
from components.blocks.component_settings import ComponentSettings
from components.blocks.custom_kinds import KindsNeeded
from components.blocks.destinations import Destination, destination_of_url
from components.blocks.monitoring import MonitoringSettings
from components.blocks.names import NamespaceName
from components.blocks.needed_objects import NeededObject
from components.blocks.outside_settings import OutsidePodSettings, outside_variables
from components.blocks.quantities import mebibytes, quantity
from components.blocks.secret_reference import SecretReference
from components.namespace.quota import resource_quota
from components.namespace.settings import DnsSettings, PodSecurityVersion, QuotaSettings
from components.ollama.names import url as ollama_url
from components.ollama.settings import OllamaSettings
from components.open_webui.embedding_server import embedding_server_problems
from components.open_webui.exposure_rules import private_name_problems
from components.open_webui.settings import OpenWebUISettings
from components.open_webui.variable_rules import conditional_problems
from components.postgresql.settings import PostgreSQLSettings
from components.redis.settings import RedisSettings
from components.tika.settings import TikaSettings

from .buckets import archive_bundle_problems, bucket_problems, bucket_proxy_problems
from .cluster_access import KUBECONFIG, ClusterSettings
from .database_connections import connection_problems, pooler_problems
from .part import WHOLE, Part
from .secret_keys import SECRET_KEYS
from .secret_references import reference_problems

_EXTRACTION_ENGINE = "openWebui.documents.extraction.engine"


class RotateSettings(Settings):
    """Counters of the generated secrets. A higher number generates a new secret; never set a lower one."""

    redis: int = Field(1, ge=1, le=1000, description="Password of Redis. Rolls Open WebUI.")
    postgresql: int = Field(1, ge=1, le=1000, description="Password of the database. Rolls PostgreSQL and Open WebUI.")
    open_webui: int = Field(
        1,
        ge=1,
        le=1000,
        description="Signing key of sessions. Rolls Open WebUI and signs all users out. Encrypted data keeps its keys.",
    )
    existing_secrets: int = Field(
        1,
        ge=1,
        le=1000,
        description="Contents of the Secrets that `existingSecrets` names, whose changes the stack does not see. Rolls "
        "the pods that read them.",
    )


class StackSettings(Settings):
    """Every config key of the stack that is not a secret."""

    PART: ClassVar[Part] = WHOLE
    """The part of the stack that these settings deploy (see `stack_config.parts`)."""

    namespace: NamespaceName = Field("rag-system", description="Namespace of the stack.")
    create_namespace: bool = Field(
        True,
        description="Create the namespace, and delete it with the stack. `false`: it exists, and the stack neither "
        "changes nor deletes it.",
    )
    quota: QuotaSettings = Field(QuotaSettings(), description="Limits of the namespace.")
    cluster: ClusterSettings = Field(ClusterSettings(), description="How the stack reaches its cluster.")
    kube_context: str = Field(
        "",
        examples=["<context>"],
        description="Context of the kubeconfig to deploy to. Required with `cluster.mode: context`: the stack never "
        "uses the current context. With `kubeconfig` a context of that secret; not used with `inCluster`.",
    )
    protect: bool = Field(
        False,
        description="Refuse to delete or replace the namespace, the volumes, the database password and the key of "
        "encrypted data.",
    )
    pod_security_version: PodSecurityVersion = Field(
        "v1.30",
        description="Version of the Pod Security Standard `restricted` that the namespace enforces: that of "
        "the oldest supported Kubernetes, so that upgrading the cluster changes nothing. Not with "
        "`createNamespace: false`.",
    )
    dns: DnsSettings = Field(DnsSettings(), description="The DNS servers that every pod may query.")
    pods: OutsidePodSettings = Field(
        OutsidePodSettings(), description="How all pods fit into the cluster. Each component has a `pods` of its own."
    )
    redis: RedisSettings = Field(RedisSettings(), description="Redis: sessions, websockets, locks.")
    postgresql: PostgreSQLSettings = Field(PostgreSQLSettings(), description="PostgreSQL: users, chats, vectors.")
    ollama: OllamaSettings = Field(OllamaSettings(), description="Ollama: models that run in the cluster.")
    backup: BackupSettings = Field(BackupSettings(), description="Scheduled dumps of the database.")
    open_webui: OpenWebUISettings = Field(
        OpenWebUISettings(), description="Open WebUI: the web pods and their exposure."
    )
    tika: TikaSettings = Field(TikaSettings(), description="Apache Tika: the text of uploaded documents.")
    rotate: RotateSettings = Field(RotateSettings(), description="Counters of the generated secrets.")
    monitoring: MonitoringSettings = Field(MonitoringSettings(), description="Metrics for Prometheus.")
    existing_secrets: dict[str, SecretReference] = Field(
        {},
        description="Secrets by reference instead of by value: a secret config key, a secret environment variable, "
        "`WEBUI_SECRET_KEY` or `WEBUI_ADMIN_PASSWORD`, each with the Secret in the stack's namespace that has it.",
    )

    @property
    def components(self) -> tuple[ComponentSettings, ...]:
        """Settings of every component that is deployed."""
        return tuple(self._components.values())

    @property
    def _components(self) -> dict[str, ComponentSettings]:
        """The same by their config keys."""
        fields = type(self).model_fields
        return {
            fields[name].alias or name: value
            for name, value in self
            if isinstance(value, ComponentSettings) and (name != "tika" or self.has_own_tika)
        }

    @property
    def has_own_tika(self) -> bool:
        """Whether the stack runs the Tika that extracts the text of documents."""
        return self.open_webui.documents.extraction.uses_own_tika

    def with_common_pods(self) -> Self:
        """The same settings, with `pods` of the stack in `pods` of every component."""
        merged = {
            name: value.model_copy(update={"pods": value.pods.over(self.pods)})
            for name, value in self
            if isinstance(value, ComponentSettings)
        }
        return self.model_copy(update=merged)

    @property
    def kinds_needed(self) -> tuple[KindsNeeded, ...]:
        """Custom kinds that these settings need in the cluster, with the key that needs them."""
        needed = (kinds for each in self.components for kinds in each.kinds_needed(self.monitoring))
        # Each component that has metrics needs the kinds of `monitoring.operator`.
        return tuple(dict.fromkeys(needed))

    @property
    def objects_needed(self) -> tuple[NeededObject, ...]:
        """Secrets and ConfigMaps that these settings name, beside those of `existingSecrets`.

        Those of `pods` of the stack come once, although every component has them.
        """
        needed = [*self.pods.objects_needed("pods")]
        common = {(each.kind, each.name, each.entries) for each in needed}
        for key, component in self._components.items():
            # A component that is switched off has no pods.
            if component.footprint(self.monitoring).pods:
                own = component.pods.objects_needed(f"{key}.pods")
                needed += [each for each in own if (each.kind, each.name, each.entries) not in common]
            needed += component.objects_needed()
        return tuple(needed)

    @property
    def hard_limits(self) -> dict[str, str]:
        """Hard limits of the namespace's ResourceQuota."""
        return resource_quota(each.whole_footprint(self.monitoring) for each in self.components)

    @property
    def limits_namespace(self) -> bool:
        """Whether the namespace has a quota and default limits."""
        return self.create_namespace if self.quota.enabled is None else self.quota.enabled

    @property
    def backup_storage_size(self) -> str:
        """Size of the volume for the dumps."""
        return self.backup.storage.size or mebibytes(2 * quantity(self.postgresql.storage.size))

    @property
    def database_targets(self) -> list[Destination]:
        """Destinations of `openWebui.egress` that lead to an external PostgreSQL with a name of a private network."""
        if not self.postgresql.is_external:
            return []
        return [each for each in self.open_webui.targets if each.port == self.postgresql.external.port]

    def problems(self) -> Iterator[Problem]:
        yield from self._backup_problems()
        yield from self.postgresql.layout.backup_problems() if self.backup.enabled else ()
        # Pulumi itself reads the kubeconfig, before there is a Secret.
        of_pods = SECRET_KEYS.keys() - {KUBECONFIG}
        yield from reference_problems(self.existing_secrets, of_pods, self.rotate.existing_secrets)
        yield from self._outside_problems()
        if self.tika.model_fields_set and not self.has_own_tika:
            extraction = self.open_webui.documents.extraction
            yield Problem(
                keys=("tika", "openWebui.documents.extraction.url" if extraction.url else _EXTRACTION_ENGINE),
                message=f"tika conflicts with {_EXTRACTION_ENGINE} {extraction.engine}"
                f"{' and its url' if extraction.url else ''}: the stack runs no Tika, so it has no effect",
                allowed="remove tika, or set the engine tika without a url",
                fix=Fix.REMOVE,
            )
        yield from self._ollama_problems()
        yield from bucket_problems(self.postgresql, self.backup)
        yield from self._redis_problems()
        for servers in (self.redis.external, self.postgresql.external):
            yield from private_name_problems(servers.destinations, self.open_webui.targets, "openWebui.egress")
        if self.cluster.mode == "context" and not self.kube_context.strip():
            yield Problem(
                keys=("kubeContext",),
                message="kubeContext is missing: the stack does not know its cluster",
                allowed="a context of your kubeconfig (list them: kubectl config get-contexts --output name)",
                fix="<context>",
            )
        if not self.PART.web:
            return
        yield from conditional_problems(self.open_webui, external_redis=self.redis.is_external)
        yield from connection_problems(self.postgresql, self.open_webui)
        yield from pooler_problems(self.postgresql, self.open_webui, self.existing_secrets)

    def _redis_problems(self) -> Iterator[Problem]:
        yield from self.redis.external.shared_problems()

    def _ollama_problems(self) -> Iterator[Problem]:
        registries = [("ollama.models", registry) for registry in self.ollama.registries]
        yield from private_name_problems(registries, self.ollama.targets, "ollama.egress")
        own = ollama_url(self.namespace) if self.ollama.enabled else None
        yield from embedding_server_problems(self.open_webui, own)
        if self.ollama.enabled and self.open_webui.ollama_base_url:
            yield Problem(
                keys=("openWebui.ollamaBaseUrl", "ollama.enabled"),
                message="openWebui.ollamaBaseUrl conflicts with ollama.enabled: the web pods connect to the stack's "
                "own Ollama",
                allowed="remove it; a further server goes into openWebui.models.ollama",
                fix=Fix.REMOVE,
            )

    def _outside_problems(self) -> Iterator[Problem]:
        merged = self.with_common_pods()
        web = merged.open_webui
        proxies = ((path, destination_of_url(url)) for path, url in self.pods.proxy.urls_by_path.items())
        named = [(path, each) for path, each in proxies if each]
        if self.PART.web:
            yield from private_name_problems(named, web.targets, "openWebui.egress")
        yield from bucket_proxy_problems(merged.postgresql, merged.backup)
        yield from archive_bundle_problems(self.postgresql, merged.postgresql)
        for key, names in outside_variables(web.pods).items():
            for name in sorted(names & web.env.keys()):
                yield Problem(
                    keys=(f"openWebui.env.{name}", f"pods.{key}"),
                    message=f"openWebui.env.{name} conflicts with pods.{key}, which sets the same variable",
                    allowed="one of them",
                    fix=Fix.REMOVE,
                )

    def _backup_problems(self) -> Iterator[Problem]:
        if self.postgresql.layout.volume_size is None:
            if self.backup.enabled and not self.backup.storage.size:
                yield Problem(
                    keys=("backup.storage.size", "postgresql.topology"),
                    message="backup.storage.size is missing: the stack does not know the size of an external database, "
                    "and a copy of it has to fit on the volume beside the dumps",
                    allowed="at least twice that size: SELECT pg_size_pretty(pg_database_size('<database>'))",
                    fix="20Gi",
                )
            return
        least = self.postgresql.storage.size
        if quantity(self.backup_storage_size) < quantity(least):
            yield Problem(
                keys=("backup.storage.size", "postgresql.storage.size"),
                message=f"backup.storage.size {self.backup_storage_size} is below postgresql.storage.size {least}: a "
                "copy of the database would not fit, and no dump could be verified",
                allowed=f"at least {least}; if it is not set, twice that",
                fix=mebibytes(2 * quantity(least)),
            )


def upload_problems(settings: StackSettings) -> Iterator[Problem]:
    """Uploads that the other replicas cannot read, unless the config accepts that.

    The defaults have this problem, because the operator has to decide where uploads are stored. It is not a rule of the
    model, whose defaults have to be valid.
    """
    web = settings.open_webui
    if settings.PART.web and web.loses_uploads and not web.uploads.accept_loss:
        replicas = "autoscaling.maxReplicas" if web.autoscaling else "replicas"
        yield Problem(
            keys=("openWebui.uploads.kind", f"openWebui.{replicas}"),
            message=f"openWebui.uploads.kind pod with {web.most_replicas} replicas: an upload is stored in the pod "
            "that received it. Other replicas cannot send it to a model, and it is lost with the pod",
            allowed="volume, s3, gcs, azure, one replica, or openWebui.uploads.acceptLoss: true",
            fix="volume",
        )
