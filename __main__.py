"""Open WebUI Stack: the whole deployment on one screen. Settings -> components -> outputs."""

import pulumi
import pulumi_kubernetes as k8s
from pulumi import Output, ResourceOptions

from components.backup import names as backup
from components.backup.component import Backup, BackupArgs, Server
from components.blocks.egress import egress_rules
from components.namespace.component import Namespace, NamespaceArgs
from components.ollama.component import Ollama, OllamaArgs
from components.open_webui import names as open_webui
from components.open_webui.component import OpenWebUI, OpenWebUIArgs
from components.postgresql.component import PostgreSQL, PostgreSQLArgs
from components.postgresql.scripts import PREPARE_SCRIPTS
from components.redis.component import Redis, RedisArgs
from components.tika.component import Tika, TikaArgs
from stack_config.cluster_checks import require_cluster
from stack_config.load import load_access, load_settings
from stack_config.uploaded_files import uploaded_files

settings, secret_inputs = load_settings()
access = load_access(settings)
require_cluster(settings, access)

# Never the context that happens to be current. The identifier is the stack's: a context that is renamed must not
# replace everything. The empty kubeconfig keeps the path of this machine's out of the state
# (docs/decisions/0002-provider.md, 0037-cluster-access.md).
cluster = k8s.Provider(
    "cluster",
    kubeconfig=Output.secret(access.kubeconfig) if access.kubeconfig else "",
    context=access.context,
    cluster_identifier=f"{pulumi.get_project()}/{pulumi.get_stack()}",
    enable_secret_mutable=True,
    enable_config_map_mutable=True,
    enable_patch_force=True,
)

namespace = Namespace(
    "namespace",
    NamespaceArgs(
        name=settings.namespace,
        exists=not settings.create_namespace,
        quota=settings.hard_limits if settings.limits_namespace else None,
        dns=settings.dns,
        pod_security_version=settings.pod_security_version,
        protect=settings.protect,
    ),
    ResourceOptions(provider=cluster),
)
in_namespace = ResourceOptions(provider=cluster, depends_on=[namespace])

cache = Redis(
    "redis",
    RedisArgs(
        namespace=namespace.name,
        namespace_name=settings.namespace,
        settings=settings.redis,
        secret_inputs=secret_inputs,
        rotation=settings.rotate.redis,
        clients=open_webui.LABELS.selector,
        protect=settings.protect,
        scraped_from=settings.monitoring.namespace if settings.monitoring.enabled else None,
        watched_by_operator=settings.monitoring.operator,
    ),
    in_namespace,
)

database = PostgreSQL(
    "postgresql",
    PostgreSQLArgs(
        namespace=namespace.name,
        namespace_name=settings.namespace,
        settings=settings.postgresql,
        secret_inputs=secret_inputs,
        rotation=settings.rotate.postgresql,
        clients=[*open_webui.DATABASE_CLIENTS, *([backup.LABELS.selector] if settings.backup.enabled else [])],
        protect=settings.protect,
        scraped_from=settings.monitoring.namespace if settings.monitoring.enabled else None,
        watched_by_operator=settings.monitoring.operator,
        backups=settings.backup.watched,
    ),
    in_namespace,
)

if settings.backup.enabled:
    Backup(
        "backup",
        BackupArgs(
            namespace=namespace.name,
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
            secret_inputs=secret_inputs,
            protect=settings.protect,
        ),
        in_namespace,
    )

web_egress = [*cache.backend.egress, *database.backend.egress]
web_variables: dict[str, str] = {}

if settings.has_own_tika:
    extraction = Tika(
        "tika",
        TikaArgs(namespace=namespace.name, settings=settings.tika, clients=[open_webui.LABELS.selector]),
        in_namespace,
    )
    web_egress += extraction.egress
    web_variables |= extraction.client_variables

if settings.ollama.enabled:
    inference = Ollama(
        "ollama",
        OllamaArgs(
            namespace=namespace.name,
            namespace_name=settings.namespace,
            settings=settings.ollama,
            clients=[open_webui.LABELS.selector],
            protect=settings.protect,
        ),
        in_namespace,
    )
    web_egress += inference.egress
    web_variables |= inference.client_variables

web = OpenWebUI(
    "open-webui",
    OpenWebUIArgs(
        namespace=namespace.name,
        namespace_name=settings.namespace,
        settings=settings.open_webui,
        redis=cache.backend,
        database=database.backend,
        egress=web_egress,
        variables=web_variables,
        secret_inputs=secret_inputs,
        rotation=settings.rotate.open_webui,
        protect=settings.protect,
    ),
    ResourceOptions(provider=cluster, depends_on=[cache, database]),
)

pulumi.export("namespace", namespace.name)
pulumi.export("webui_url", web.url)
pulumi.export("redis_cache_url", cache.cache_url)
pulumi.export("redis_websocket_url", cache.websocket_url)
pulumi.export("database_url", database.database_url)
pulumi.export("admin_email", web.admin_email)
pulumi.export("admin_password", web.admin_password)
