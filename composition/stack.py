"""The whole deployment on one screen: the components of the stack, and what connects them."""

from dataclasses import dataclass, field
from functools import cached_property

from pulumi import Input, ResourceOptions
from pulumi_kubernetes.networking.v1 import NetworkPolicyEgressRuleArgsDict as EgressRule

from components.backup import names as backup
from components.backup.component import Backup, BackupArgs, Server
from components.blocks.egress import egress_rules
from components.blocks.secret_inputs import SecretInputs
from components.blocks.watching import Watching
from components.namespace.component import Namespace, NamespaceArgs
from components.namespace.names import DEFAULT_DENY
from components.ollama.component import Ollama, OllamaArgs
from components.open_webui import names as open_webui
from components.open_webui.component import OpenWebUI, OpenWebUIArgs
from components.postgresql.component import PostgreSQL, PostgreSQLArgs
from components.postgresql.names import SECRET as DATABASE_SECRET
from components.postgresql.pooler.names import LABELS as POOLER_LABELS
from components.postgresql.scripts import PREPARE_SCRIPTS
from components.redis.component import Redis, RedisArgs
from components.redis.names import CONNECTION_SECRET as REDIS_SECRET
from components.tika.component import Tika, TikaArgs
from stack_config.settings import StackSettings
from stack_config.uploaded_files import uploaded_files

from .outputs import OUTPUTS


@dataclass(kw_only=True)
class Stack:
    """The components of one stack. `deploy` registers them."""

    settings: StackSettings
    """Validated settings."""

    secret_inputs: SecretInputs
    """Secrets that the user provides."""

    options: ResourceOptions
    """Options of every component: the Kubernetes provider, or a parent that has it."""

    starts_together: bool = False
    """Whether the web pods are created beside their servers, for which they wait, instead of after them. Only when no
    web pod serves yet (docs/decisions/0060-first-start.md)."""

    namespace: Namespace = field(init=False)
    redis: Redis | None = field(init=False, default=None)
    postgresql: PostgreSQL | None = field(init=False, default=None)
    open_webui: OpenWebUI | None = field(init=False, default=None)

    def deploy(self) -> None:
        """Register every component of the part."""
        settings, part = self.settings, self.settings.PART
        self.namespace = Namespace(
            "namespace",
            NamespaceArgs(
                name=settings.namespace,
                exists=not settings.create_namespace,
                quota=settings.hard_limits if settings.limits_namespace else None,
                dns=settings.dns,
                pod_security_version=settings.pod_security_version,
                protect=settings.protect,
                default_deny=part.named(DEFAULT_DENY),
            ),
            self.options,
        )
        if part.redis:
            self.redis = self._redis()
        if part.postgresql:
            self.postgresql = self._postgresql()
        if self.postgresql and settings.backup.enabled:
            self._back_up(self.postgresql)
        if self.redis and self.postgresql and part.web:
            self.open_webui = self._open_webui(self.redis, self.postgresql)

    @property
    def outputs(self) -> dict[str, Input[str] | None]:
        """The values of `OUTPUTS`, after `deploy`. None: the stack does not know the value."""
        values: dict[str, Input[str] | None] = {"namespace": self.namespace.name}
        if self.redis:
            values |= {"redis_cache_url": self.redis.cache_url, "redis_websocket_url": self.redis.websocket_url}
        if self.postgresql:
            values |= {"database_url": self.postgresql.database_url}
        if web := self.open_webui:
            values |= {"webui_url": web.url, "admin_email": web.admin_email, "admin_password": web.admin_password}
        return {name: values[name] for name in OUTPUTS if name in values}

    @cached_property
    def _in_namespace(self) -> ResourceOptions:
        return ResourceOptions.merge(self.options, ResourceOptions(depends_on=[self.namespace]))

    def _starts_beside(self, cache: Redis, database: PostgreSQL) -> bool:
        # An external database may be refused by the preflight. The kubelet repeats the mount of an authority that
        # does not exist yet with longer and longer pauses.
        own_server = self.settings.postgresql.topology == "standalone"
        authorities = [cache.backend.authority, *database.backend.authorities]
        return self.starts_together and own_server and not any(authorities)

    @property
    def _scraped_from(self) -> str | None:
        monitoring = self.settings.monitoring
        return monitoring.namespace if monitoring.enabled else None

    @property
    def _watching(self) -> Watching | None:
        monitoring = self.settings.monitoring
        return Watching(runbooks=monitoring.runbook_url) if monitoring.operator else None

    def _redis(self) -> Redis:
        settings = self.settings
        return Redis(
            "redis",
            RedisArgs(
                namespace=self.namespace.name,
                namespace_name=settings.namespace,
                settings=settings.redis,
                secret_inputs=self.secret_inputs,
                rotation=settings.rotate.redis,
                clients=open_webui.LABELS.selector,
                protect=settings.protect,
                scraped_from=self._scraped_from,
                watching=self._watching,
                connection_secret=settings.PART.named(REDIS_SECRET),
                qualified=settings.PART.is_alone,
            ),
            self._in_namespace,
        )

    @property
    def _database_clients(self) -> list[dict[str, str]]:
        if self.settings.PART.is_alone:
            # The backups and PgBouncer may be those of the component with the web pods.
            return [*open_webui.DATABASE_CLIENTS, backup.LABELS.selector, POOLER_LABELS.selector]
        return [*open_webui.DATABASE_CLIENTS, *([backup.LABELS.selector] if self.settings.backup.enabled else [])]

    def _postgresql(self) -> PostgreSQL:
        settings = self.settings
        return PostgreSQL(
            "postgresql",
            PostgreSQLArgs(
                namespace=self.namespace.name,
                namespace_name=settings.namespace,
                settings=settings.postgresql,
                secret_inputs=self.secret_inputs,
                rotation=settings.rotate.postgresql,
                clients=self._database_clients,
                protect=settings.protect,
                scraped_from=self._scraped_from,
                watching=self._watching,
                backups=settings.backup.watched,
                connection_secret=settings.PART.named(DATABASE_SECRET),
                qualified=settings.PART.is_alone,
            ),
            self._in_namespace,
        )

    def _back_up(self, database: PostgreSQL) -> None:
        settings = self.settings
        Backup(
            "backup",
            BackupArgs(
                namespace=self.namespace.name,
                settings=settings.backup,
                storage_size=settings.backup_storage_size,
                server=Server(
                    image=settings.postgresql.image,
                    access=database.backup_access,
                    prepare_scripts=PREPARE_SCRIPTS,
                    secrets=database.backend.connection.owned,
                    authority=database.backend.authority,
                ),
                egress=[*database.backend.egress, *egress_rules(settings.database_targets, settings.namespace)],
                namespace_name=settings.namespace,
                client_image=settings.open_webui.image,
                uploads=uploaded_files(settings.open_webui),
                secret_inputs=self.secret_inputs,
                protect=settings.protect,
            ),
            self._in_namespace,
        )

    def _services(self) -> tuple[list[EgressRule], dict[str, str]]:
        """The optional services of the web pods: egress rules and variables for their clients."""
        settings = self.settings
        web_egress: list[EgressRule] = []
        web_variables: dict[str, str] = {}
        if settings.has_own_tika:
            extraction = Tika(
                "tika",
                TikaArgs(namespace=self.namespace.name, settings=settings.tika, clients=[open_webui.LABELS.selector]),
                self._in_namespace,
            )
            web_egress += extraction.egress
            web_variables |= extraction.client_variables
        if settings.ollama.enabled:
            inference = Ollama(
                "ollama",
                OllamaArgs(
                    namespace=self.namespace.name,
                    namespace_name=settings.namespace,
                    settings=settings.ollama,
                    clients=[open_webui.LABELS.selector],
                    protect=settings.protect,
                ),
                self._in_namespace,
            )
            web_egress += inference.egress
            web_variables |= inference.client_variables
        return web_egress, web_variables

    def _open_webui(self, cache: Redis, database: PostgreSQL) -> OpenWebUI:
        settings = self.settings
        egress, variables = self._services()
        return OpenWebUI(
            "open-webui",
            OpenWebUIArgs(
                namespace=self.namespace.name,
                namespace_name=settings.namespace,
                settings=settings.open_webui,
                redis=cache.backend,
                database=database.backend,
                egress=[*cache.backend.egress, *database.backend.egress, *egress],
                variables=variables,
                secret_inputs=self.secret_inputs,
                rotation=settings.rotate.open_webui,
                protect=settings.protect,
                watching=self._watching,
                servers=[cache, database],
                starts_together=self._starts_beside(cache, database),
            ),
            self._in_namespace,
        )
