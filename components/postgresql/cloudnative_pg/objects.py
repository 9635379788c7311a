"""The objects of CloudNativePG, from which the operator creates pods, volumes, Services and certificates."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi
import pulumi_kubernetes as k8s
from pulumi_kubernetes.networking.v1 import (
    NetworkPolicyEgressRuleArgsDict,
    NetworkPolicyIngressRuleArgsDict,
)

from ...blocks.bucket_access import ACCESS_KEY_ID, SECRET_ACCESS_KEY, BucketAccess
from ...blocks.children import Children, stateful
from ...blocks.custom_kinds import (
    BARMAN_OBJECT_STORE,
    CNPG_CLUSTER,
    CNPG_DATABASE,
    CNPG_POOLER,
    CNPG_SCHEDULED_BACKUP,
    custom_object,
)
from ...blocks.destinations import destination_of_target
from ...blocks.egress import egress_rules
from ...blocks.network_policy import addresses, allow_from, allow_to, client_pods, namespace, network_policy, pods
from ...blocks.outside_settings import proxy_destinations
from ...blocks.remembered import remember
from ...blocks.secret_inputs import SecretInputs
from ...blocks.watching import Watching
from ..archive.settings import KEYS
from ..monitoring.alerts import WatchedBackups
from ..names import APP, LOGIN_SECRETS, PORT
from ..pooler.configuration import PoolerSizes
from ..pooler.names import LABELS as POOLER_LABELS
from ..pooler.names import POOLER
from ..pooler.sizes import client_limit, pool_size
from ..roles import Roles
from ..settings import PostgreSQLSettings
from ..stored_data import REMEMBERED, refused_cluster, stored_cluster
from ..topologies.cloudnative_pg import CloudNativePG
from .archive import object_store_spec, scheduled_backup_spec
from .monitoring.watching import queries, watch
from .names import (
    CLUSTER,
    DATABASE_OBJECT,
    METRICS_PORT,
    OBJECT_STORE,
    PODS,
    POOLER_METRICS_PORT,
    RELOAD,
    SCHEDULED_BACKUP,
    STATUS_PORT,
)
from .spec import cluster_spec, database_spec, pooler_spec

WAIT_FOR_READY = {"pulumi.com/waitFor": "condition=Ready"}
"""Annotation: Pulumi waits for it, and a failure is that of the Cluster and not of a client that cannot connect."""

# Pulling two images, `initdb`, and then for each replica another pod, a Job and a copy of the data.
_CREATE, _UPDATE = "30m", "90m"
_CREDENTIALS = {ACCESS_KEY_ID: "accessKeyId", SECRET_ACCESS_KEY: "secretAccessKey"}
"""Fields of ``s3Credentials`` of an ObjectStore, by the keys of the Secret."""
_API_SERVER_PORTS = (443, 6443)
# Those that a cluster may have its own machines at; neither the pod itself nor the cloud's metadata service.
_PRIVATE = ("10.0.0.0/8", "100.64.0.0/10", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7")


@dataclass(frozen=True, kw_only=True)
class ClusterArgs:
    """What the cluster needs from outside."""

    settings: PostgreSQLSettings
    layout: CloudNativePG
    namespace_name: str
    """The namespace's name as a plain value."""

    secret_inputs: SecretInputs
    """Secrets that are set: the credentials of the archive's bucket."""

    logins: Roles
    """The roles that may log in, with their passwords."""

    clients: Sequence[Mapping[str, str]]
    """Labels of the pods that may connect, for each application."""

    protect: bool
    """Whether Pulumi refuses to delete the cluster, and with it the volumes."""

    scraped_from: str | None
    """Namespace of Prometheus. None: no metrics are read."""

    watching: Watching | None
    """How the Prometheus operator watches the component. None: it does not."""

    backups: WatchedBackups | None
    """What the alerts expect of the dumps. None: there are none."""


def create_cluster(children: Children, args: ClusterArgs) -> pulumi.Resource:
    """Create the objects. Returns the Cluster, which is ready when all its instances are."""
    settings = args.settings
    policy = _network_policy(children, args)
    logins = _login_secrets(children, args.logins)
    asked = [queries(children)] if args.scraped_from and args.backups else []
    stored = remember(REMEMBERED, stored_cluster(settings), refused_cluster, children.options())
    cluster = custom_object(
        CLUSTER,
        CNPG_CLUSTER,
        metadata=children.metadata(CLUSTER, WAIT_FOR_READY),
        spec=cluster_spec(settings, args.logins.passwords, monitored=bool(asked)),
        opts=children.options(
            # The operator deletes the volumes with it.
            **stateful(args.protect),
            depends_on=[policy, *logins, *asked, stored, *_object_store(children, args)],
            custom_timeouts=pulumi.CustomTimeouts(create=_CREATE, update=_UPDATE),
        ),
    )
    after = children.options(depends_on=[cluster])
    custom_object(
        DATABASE_OBJECT, CNPG_DATABASE, metadata=children.metadata(DATABASE_OBJECT), spec=database_spec(), opts=after
    )
    if settings.pooler.enabled:
        sizes = PoolerSizes(mode=settings.pooler.mode, clients=client_limit(settings), pool=pool_size(settings))
        spec = pooler_spec(settings, sizes, {**settings.pods.labels, **POOLER_LABELS.selector})
        custom_object(POOLER, CNPG_POOLER, metadata=children.metadata(POOLER), spec=spec, opts=after)
    if settings.archive.enabled:
        spec = scheduled_backup_spec(settings.archive)
        custom_object(
            SCHEDULED_BACKUP, CNPG_SCHEDULED_BACKUP, metadata=children.metadata(SCHEDULED_BACKUP), spec=spec, opts=after
        )
    if args.watching:
        watch(children, args.watching, args.namespace_name, settings, args.backups)
    return cluster


def egress() -> list[NetworkPolicyEgressRuleArgsDict]:
    """Rules for the clients: to the instances and to PgBouncer."""
    return [allow_to([pods(PODS)], PORT)]


def _login_secrets(children: Children, logins: Roles) -> list[pulumi.Resource]:
    """For each role a Secret with its name and its verifier. The operator follows a change of one at once."""
    return [
        k8s.core.v1.Secret(
            name,
            metadata={**children.metadata(name), "labels": {**children.labels.metadata, **RELOAD}},
            type="kubernetes.io/basic-auth",
            string_data={"username": role, "password": verifier},
            opts=children.options(),
        )
        for role, verifier in logins.verifiers.items()
        if (name := LOGIN_SECRETS[role])
    ]


def _object_store(children: Children, args: ClusterArgs) -> list[pulumi.Resource]:
    """The bucket of the archive, and the Secret with its credentials as far as they are values of the config."""
    archive = args.settings.archive
    if not archive.enabled:
        return []
    access = BucketAccess(settings=archive.s3, keys=KEYS, secret=OBJECT_STORE, inputs=args.secret_inputs)
    credentials = access.objects(children)
    store = custom_object(
        OBJECT_STORE,
        BARMAN_OBJECT_STORE,
        metadata=children.metadata(OBJECT_STORE),
        spec=object_store_spec(args.settings, {_CREDENTIALS[file]: each for file, each in access.references().items()}),
        opts=children.options(depends_on=credentials),
    )
    return [*credentials, store]


def _network_policy(children: Children, args: ClusterArgs) -> k8s.networking.v1.NetworkPolicy:
    """One policy for all pods of the cluster, PgBouncer included."""
    own = args.settings.cloudnative_pg
    ingress: list[NetworkPolicyIngressRuleArgsDict] = [
        allow_from(
            [*(pods(dict(client)) for client in args.clients), *client_pods(args.settings.clients)],
            PORT,
        ),
        allow_from([pods(PODS)], PORT, STATUS_PORT),
        allow_from([namespace(own.operator_namespace)], STATUS_PORT, PORT),
    ]
    if args.scraped_from:
        ingress.append(allow_from([namespace(args.scraped_from)], METRICS_PORT, POOLER_METRICS_PORT))
    return network_policy(
        APP,
        in_namespace=children.namespace,
        labels=children.labels.metadata,
        selector=PODS,
        ingress=ingress,
        egress=[
            allow_to([pods(PODS)], PORT, STATUS_PORT),
            *_to_api_server(args),
            *_to_bucket(args),
        ],
        opts=children.options(),
    )


def _to_api_server(args: ClusterArgs) -> list[NetworkPolicyEgressRuleArgsDict]:
    """A policy sees the addresses of the API server itself and not of its Service, and they differ by cluster."""
    if targets := args.settings.cloudnative_pg.api_server:
        return egress_rules(map(destination_of_target, targets), args.namespace_name)
    return [allow_to([addresses(each) for each in _PRIVATE], *_API_SERVER_PORTS)]


def _to_bucket(args: ClusterArgs) -> list[NetworkPolicyEgressRuleArgsDict]:
    settings = args.settings
    if not settings.archive.enabled:
        return []
    services = settings.archive.s3.destinations(settings.service_account.annotations)
    return egress_rules([*services, *proxy_destinations(settings.pods)], args.namespace_name)
