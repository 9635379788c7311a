"""The objects of PgBouncer in front of one server: Deployment, Service, files, network policy, budget."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pulumi
import pulumi_kubernetes as k8s
from pulumi import Input, Output
from pulumi_kubernetes.networking.v1 import NetworkPolicyEgressRuleArgsDict

from ...blocks.authority import Authority
from ...blocks.children import Children
from ...blocks.exporter import scrape_annotations
from ...blocks.generated_secrets import checksum
from ...blocks.network_policy import allow_from, namespace, pods
from ...blocks.watching import Watching
from ..names import PORT
from ..tls_settings import PostgreSQLTlsSettings
from .configuration import CONFIG_FILE, HBA_FILE, PoolerSizes, pg_hba_conf, pgbouncer_ini, user_list
from .monitoring.exporter import EXPORTER_PORT, EXPORTER_USER
from .monitoring.watching import watch
from .names import LABELS, POOLER, SERVER_FILE, USERS_FILE
from .pod import RECYCLE_SECONDS, RELOAD_SCRIPT, PodArgs, pod
from .settings import PoolerSettings

CLIENT_DEFAULTS = {
    "DATABASE_POOL_RECYCLE": str(RECYCLE_SECONDS),
    "PGVECTOR_POOL_RECYCLE": str(RECYCLE_SECONDS),
}
"""Variables of the web pods with which their pools close connections that a terminating PgBouncer waits for."""


@dataclass(frozen=True, kw_only=True)
class PoolerArgs:
    """What PgBouncer needs from outside."""

    settings: PoolerSettings
    sizes: PoolerSizes
    server: Output[str]
    """Text of server.ini. Secret."""

    users: Mapping[str, Output[str]]
    """What `user_list` takes. Secret."""

    tls: PostgreSQLTlsSettings
    """The certificate that clients see."""

    authorities: Sequence[Authority]
    """The authority of the server behind it; empty where it is not known."""

    clients: Sequence[dict[str, str]]
    """Labels of the pods that may connect, for each application."""

    egress: Sequence[NetworkPolicyEgressRuleArgsDict]
    """Rules that lead to the server."""

    namespace_name: str
    """The namespace's name as a plain value."""

    scraped_from: str | None
    """Namespace of Prometheus. None: no exporter, and no ingress rule for it."""

    watching: Watching | None
    """How the Prometheus operator watches the component. None: it does not."""

    depends_on: Sequence[pulumi.Resource] = ()
    """Objects that exist before the pods."""


def create_pooler(children: Children, args: PoolerArgs) -> None:
    """Create the objects.

    Args:
        children: creates those of PostgreSQL.
        args: what they depend on.
    """
    children = children.of(LABELS)
    exporter = EXPORTER_USER if args.scraped_from else None
    configuration = _files(args, exporter)
    secret = children.secret(POOLER, {USERS_FILE: _user_list(args.users, exporter), SERVER_FILE: args.server})
    # Pods with new users are ready before the first client needs them: the web pods are updated afterwards.
    annotations: dict[str, Input[str]] = {
        "checksum/config": checksum(configuration),
        f"checksum/{POOLER}": secret.checksum,
        **(scrape_annotations(EXPORTER_PORT) if exporter else {}),
    }
    k8s.apps.v1.Deployment(
        POOLER,
        metadata=children.metadata(POOLER),
        spec={
            "replicas": args.settings.instances,
            "revision_history_limit": 2,
            "strategy": {"type": "RollingUpdate", "rolling_update": {"max_unavailable": 0, "max_surge": 1}},
            "selector": {"match_labels": LABELS.selector},
            "template": children.pod_template(pod(_pod_args(args)), annotations),
        },
        opts=children.options(
            depends_on=[
                *args.depends_on,
                secret.resource,
                _network_policy(children, args),
                children.config_map(POOLER, configuration),
                children.service_account(POOLER),
            ]
        ),
    )
    children.service(POOLER, port_name="postgresql", port=PORT)
    if args.settings.instances > 1:
        children.disruption_budget(POOLER)
    if args.watching:
        watch(children, args.watching, args.namespace_name)


def _files(args: PoolerArgs, exporter: str | None) -> dict[str, str]:
    """Files of the ConfigMap."""
    files = {CONFIG_FILE: pgbouncer_ini(args.sizes, tls=args.tls.enabled, exporter=exporter)}
    if exporter:
        files[HBA_FILE] = pg_hba_conf(exporter)
    if args.tls.enabled or args.authorities:
        files[RELOAD_SCRIPT] = (Path(__file__).with_name("files") / RELOAD_SCRIPT).read_text()
    return files


def _pod_args(args: PoolerArgs) -> PodArgs:
    return PodArgs(
        image=args.settings.image,
        clients=args.sizes.clients,
        tls=args.tls,
        authorities=args.authorities,
        exporter_image=args.settings.exporter_image if args.scraped_from else None,
    )


def _network_policy(children: Children, args: PoolerArgs) -> k8s.networking.v1.NetworkPolicy:
    ingress = [allow_from([pods(client) for client in args.clients], PORT)]
    if args.scraped_from:
        ingress.append(allow_from([namespace(args.scraped_from)], EXPORTER_PORT))
    return children.network_policy(POOLER, ingress=ingress, egress=[*args.egress])


def _user_list(users: Mapping[str, Output[str]], exporter: str | None) -> Output[str]:
    names = list(users)
    return Output.all(*users.values()).apply(
        lambda secrets: user_list(dict(zip(names, secrets, strict=True)), exporter)
    )
