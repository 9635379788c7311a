"""PostgreSQL as one ComponentResource: the server, its volume, its password and the rule that admits its clients."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, urlencode

import pulumi
import pulumi_kubernetes as k8s
from pulumi import Input, Output

from ..blocks.children import Children, stateful
from ..blocks.component import Component
from ..blocks.connection import ConnectionSecret
from ..blocks.connection_keys import CLIENT_URL
from ..blocks.generated_secrets import checksum, generated_password
from ..blocks.network_policy import allow_from, pods
from ..blocks.remembered import remember
from .configuration import pg_hba_conf, postgresql_conf
from .names import (
    APP,
    CONFIG_MAP,
    DATABASE,
    DATABASE_URL,
    GENERATED_PASSWORD,
    LABELS,
    PASSWORD,
    PODS_SERVICE,
    PORT,
    SECRET,
    SERVICE,
    USER,
    VOLUME_CLAIM,
)
from .pod import pod
from .settings import PostgreSQLSettings
from .stored_data import REMEMBERED, refused_image, stored_data

# Of libpq, whose own defaults wait for a server that disappeared without closing the connection as long as the kernel
# does: two minutes to connect, 15 for an answer, two hours when the connection is idle.
CLIENT_PARAMETERS = {
    "connect_timeout": 5,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 15_000,
}
"""Time limits of a client's connections, in seconds; ``tcp_user_timeout`` in milliseconds.

https://www.postgresql.org/docs/17/libpq-connect.html#LIBPQ-PARAMKEYWORDS
"""

PREPARE_SCRIPT = (Path(__file__).with_name("files") / "prepare.sh").read_text()
"""Makes a data directory ready for a server: cluster, role, database, pgvector."""


@dataclass(frozen=True, kw_only=True)
class PostgreSQLArgs:
    """What PostgreSQL needs from outside."""

    namespace: Input[str]
    """Existing namespace. The names of its objects are fixed (`names`)."""

    settings: PostgreSQLSettings
    """Validated settings, plain values."""

    rotation: int
    """Number of the current password, from 1."""

    clients: Sequence[dict[str, str]]
    """Labels of the pods that may connect, for each application; no others can."""

    protect: bool
    """Whether the volume and the password are refused deletion."""


class PostgreSQL(Component[PostgreSQLArgs]):
    """One PostgreSQL server on one volume. Everything that must survive is in it."""

    TYPE = "open-webui-stack:postgresql:PostgreSQL"
    LABELS = LABELS
    OUTPUTS = ("database_url",)

    database_url: Output[str]
    """``postgresql://…`` of the application's user. Secret: it holds the password."""

    connection: ConnectionSecret
    """Secret ``postgresql-secret`` with the keys ``database-url`` and, with time limits, ``client-url``."""

    def create(self) -> None:
        args, children = self.args, self.children(self.args.namespace)
        password = generated_password(GENERATED_PASSWORD, args.rotation, children.options(**stateful(args.protect)))
        self.database_url = _url(password)
        contents = {
            DATABASE_URL: self.database_url,
            CLIENT_URL: Output.concat(self.database_url, "?", urlencode(CLIENT_PARAMETERS)),
            PASSWORD: password,
        }
        self.connection = children.secret(SECRET, contents)
        # Not a claim template: a larger size would replace the StatefulSet and still not grow the volume
        # (docs/decisions/0003-database-volume.md).
        volume = children.volume_claim(
            VOLUME_CLAIM,
            size=args.settings.storage.size,
            class_name=args.settings.storage.class_name,
            protect=args.protect,
        )
        self._stateful_set(children, volume)
        children.service(SERVICE, port_name="postgresql", port=PORT)
        children.service(PODS_SERVICE, port_name="postgresql", port=PORT, headless=True)
        children.disruption_budget(APP)

    def _stateful_set(self, children: Children, volume: pulumi.Resource) -> None:
        settings = self.args.settings
        configuration = {
            "postgresql.conf": postgresql_conf(settings),
            "pg_hba.conf": pg_hba_conf(USER, DATABASE),
            "prepare.sh": PREPARE_SCRIPT,
        }
        depends_on = [
            self.connection.resource,
            volume,
            children.config_map(CONFIG_MAP, configuration),
            children.service_account(APP),
            children.network_policy(
                APP, ingress=[allow_from([pods(client) for client in self.args.clients], PORT)], egress=[]
            ),
            remember(REMEMBERED, stored_data(settings.image), refused_image, children.options()),
        ]
        annotations = {"checksum/secret": self.connection.checksum, "checksum/config": checksum(configuration)}
        k8s.apps.v1.StatefulSet(
            APP,
            metadata=children.metadata(APP),
            spec={
                "replicas": 1,
                "service_name": PODS_SERVICE,
                "revision_history_limit": 2,
                "selector": {"match_labels": LABELS.selector},
                "template": children.pod_template(pod(settings), annotations),
            },
            opts=children.options(depends_on=depends_on),
        )


def _url(password: Output[str]) -> Output[str]:
    quoted = password.apply(lambda plain: quote(plain, safe=""))
    return Output.secret(Output.concat(f"postgresql://{USER}:", quoted, f"@{SERVICE}:{PORT}/{DATABASE}"))
