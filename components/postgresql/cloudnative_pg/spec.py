"""The `spec` of each object of CloudNativePG. Free of Pulumi.

https://cloudnative-pg.io/documentation/current/cloudnative-pg.v1/
"""

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any

from ...blocks.quantities import MEBIBYTE, quantity
from ..lost_clients import LOST_CLIENTS
from ..names import APP, DATABASE, OWNER_SECRET, PORT, SERVICE, USER
from ..pooler.configuration import (
    PREPARED_STATEMENTS,
    QUERY_WAIT_SECONDS,
    SERVER_IDLE_SECONDS,
    PoolerSizes,
)
from ..pooler.names import POOLER
from .archive import archived, recovery_sources
from .names import CLUSTER, QUERIES, QUERIES_KEY, RECOVERED
from .roles import managed_roles, pg_hba
from .settings import pooler_resources

if TYPE_CHECKING:
    from ..settings import PostgreSQLSettings

Spec = dict[str, Any]

EXTENSION = "vector"


def cluster_spec(settings: "PostgreSQLSettings", logins: Collection[str], *, monitored: bool = False) -> Spec:
    """`spec` of the Cluster.

    Args:
        settings: settings of PostgreSQL.
        logins: roles that have a password.
        monitored: whether the exporters ask the queries of the stack as well.
    """
    own, layout_memory = settings.cloudnative_pg, settings.memory
    volume: Spec = {"size": settings.storage.size}
    if settings.storage.class_name:
        volume["storageClass"] = settings.storage.class_name
    spec: Spec = {
        "instances": own.instances,
        "imageName": own.image,
        "bootstrap": _bootstrap(settings),
        "postgresql": _postgresql(settings),
        "storage": volume,
        "resources": settings.container_resources(),
        # Dynamic shared memory of parallel queries and index builds; it counts as memory of the container.
        "ephemeralVolumesSizeLimit": {"shm": f"{layout_memory.shared_memory}Mi", "temporaryData": "256Mi"},
        "managed": {"services": {"additional": [_service()]}, "roles": managed_roles(logins)},
        "affinity": _affinity(settings),
        "topologySpreadConstraints": [_zones()],
        "enableSuperuserAccess": False,
        # A primary that cannot be updated in place is switched over: some seconds, and not a restart.
        "primaryUpdateMethod": "switchover",
        "inheritedMetadata": _inherited(settings),
        **archived(settings),
        **recovery_sources(settings),
    }
    if settings.service_account.annotations:
        # The pods have the ServiceAccount that the operator creates, with the name of the Cluster.
        spec["serviceAccountTemplate"] = {"metadata": {"annotations": dict(settings.service_account.annotations)}}
    if monitored:
        spec["monitoring"] = {"customQueriesConfigMap": [{"name": QUERIES, "key": QUERIES_KEY}]}
    if settings.pooler.enabled:
        # PgBouncer serves the certificate of the servers.
        spec["certificates"] = {"serverAltDNSNames": [POOLER]}
    if settings.pods.priority_class_name:
        spec["priorityClassName"] = settings.pods.priority_class_name
    if settings.pods.image_pull_secrets:
        spec["imagePullSecrets"] = [{"name": name} for name in settings.pods.image_pull_secrets]
    return spec


def database_spec() -> Spec:
    """`spec` of the Database: the one of `initdb`, in which the operator keeps the extension."""
    return {
        "cluster": {"name": CLUSTER},
        "name": DATABASE,
        "owner": USER,
        "ensure": "present",
        "databaseReclaimPolicy": "retain",
        "extensions": [{"name": EXTENSION, "ensure": "present"}],
    }


def pooler_spec(settings: "PostgreSQLSettings", sizes: PoolerSizes, labels: Mapping[str, str]) -> Spec:
    """`spec` of the Pooler.

    Args:
        settings: settings of PostgreSQL.
        sizes: connections of one PgBouncer.
        labels: labels of its pods.
    """
    return {
        "cluster": {"name": CLUSTER},
        "instances": settings.pooler.instances,
        "type": "rw",
        "pgbouncer": {
            "poolMode": sizes.mode,
            "parameters": {
                "max_client_conn": str(sizes.clients),
                "default_pool_size": str(sizes.pool),
                # A pool is of one role: during a rotation the application has two.
                "max_db_connections": str(sizes.pool),
                "max_prepared_statements": str(PREPARED_STATEMENTS),
                "query_wait_timeout": str(QUERY_WAIT_SECONDS),
                "server_idle_timeout": str(SERVER_IDLE_SECONDS),
            },
        },
        "template": {
            "metadata": {"labels": dict(labels)},
            "spec": {"containers": [{"name": "pgbouncer", "resources": pooler_resources()}]},
        },
        "deploymentStrategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}},
    }


def _bootstrap(settings: "PostgreSQLSettings") -> Spec:
    # The operator follows the Secret: its password is the role's, now and after a rotation.
    database: Spec = {"database": DATABASE, "owner": USER, "secret": {"name": OWNER_SECRET}}
    recovery = settings.cloudnative_pg.recovery
    if not recovery.archive_name:
        return {"initdb": {**database, **_initdb()}}
    target = {"recoveryTarget": {"targetTime": recovery.target_time}} if recovery.target_time else {}
    return {"recovery": {**database, "source": RECOVERED, **target}}


def _initdb() -> Spec:
    return {
        "encoding": "UTF8",
        # By code point: no update of the C library can change the order that indexes rely on.
        "localeCollate": "C.UTF-8",
        "localeCType": "C.UTF-8",
        "dataChecksums": True,
        # Clients start as soon as the cluster is ready, which may be before the Database is.
        "postInitApplicationSQL": [f"CREATE EXTENSION IF NOT EXISTS {EXTENSION}"],
    }


def _postgresql(settings: "PostgreSQLSettings") -> Spec:
    own = settings.cloudnative_pg
    spec: Spec = {
        "parameters": parameters(settings),
        "pg_hba": pg_hba(),
    }
    if replicas := own.synchronous_replicas:
        spec["synchronous"] = {
            "method": "any",
            "number": replicas,
            "dataDurability": own.synchronous.durability,
            # No replica is promoted that may lack an acknowledged commit.
            "failoverQuorum": own.synchronous.durability == "required",
        }
    return spec


def parameters(settings: "PostgreSQLSettings") -> dict[str, str]:
    """Server parameters. The operator refuses those that it sets itself."""
    volume, archive = int(quantity(settings.storage.size)) // MEBIBYTE, settings.archive
    return {
        **settings.tuning(),
        **LOST_CLIENTS,
        **({"archive_timeout": f"{archive.timeout_seconds}s"} if archive.enabled else {}),
        # A replica that stays away would keep the log of all writes, and fill the volume of the primary.
        "max_slot_wal_keep_size": f"{volume // 4}MB",
        "wal_compression": "on",
        "checkpoint_completion_target": "0.9",
        "random_page_cost": "1.1",
        # Statements hold chats.
        "log_statement": "none",
        "log_min_duration_statement": "-1",
        "log_min_error_statement": "panic",
        "log_checkpoints": "on",
        "log_lock_waits": "on",
        "log_timezone": "UTC",
        "timezone": "UTC",
    }


def _service() -> Spec:
    """The Service of the source document, which leads to the primary. Its name is in the servers' certificates."""
    return {
        "selectorType": "rw",
        "updateStrategy": "patch",
        "serviceTemplate": {
            "metadata": {"name": SERVICE},
            "spec": {"ports": [{"name": "postgresql", "port": PORT, "targetPort": PORT, "protocol": "TCP"}]},
        },
    }


def _affinity(settings: "PostgreSQLSettings") -> Spec:
    pods = settings.pods
    affinity = pods.affinity or {}
    constraints = {
        "nodeSelector": pods.node_selector,
        "tolerations": pods.tolerations,
        "nodeAffinity": affinity.get("nodeAffinity"),
        "additionalPodAffinity": affinity.get("podAffinity"),
        "additionalPodAntiAffinity": affinity.get("podAntiAffinity"),
    }
    # Where there are nodes enough, each instance is on another one.
    own: Spec = {"enablePodAntiAffinity": True, "podAntiAffinityType": "preferred"}
    return {**own, **{key: value for key, value in constraints.items() if value}}


def _zones() -> Spec:
    return {
        "maxSkew": 1,
        "topologyKey": "topology.kubernetes.io/zone",
        "whenUnsatisfiable": "ScheduleAnyway",
        "labelSelector": {"matchLabels": {"cnpg.io/cluster": CLUSTER}},
    }


def _inherited(settings: "PostgreSQLSettings") -> Spec:
    # Not the labels app.kubernetes.io/*: the operator sets its own.
    labels = {**settings.pods.labels, "app": APP}
    return {"labels": labels, **({"annotations": settings.pods.annotations} if settings.pods.annotations else {})}
