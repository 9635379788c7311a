"""The images of the node and their layers."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from components.open_webui.settings import OpenWebUISettings
from components.postgresql.archive.settings import IMAGE as ARCHIVE_IMAGE
from components.postgresql.cloudnative_pg.settings import IMAGE as CLOUDNATIVE_PG_POSTGRESQL_IMAGE
from components.postgresql.pooler.settings import EXPORTER_IMAGE as PGBOUNCER_EXPORTER_IMAGE
from components.postgresql.pooler.settings import IMAGE as POOLER_IMAGE
from components.postgresql.settings import EXPORTER_IMAGE as POSTGRES_EXPORTER_IMAGE
from components.postgresql.settings import PostgreSQLSettings
from components.redis.settings import EXPORTER_IMAGE, RedisSettings
from components.tika.settings import TikaSettings

from ...toolchain.go_programs import CLOUDNATIVE_PG_VERSION
from ..configuration import PAUSE_IMAGE
from . import cloudnative_pg_layers, exporter_layers, java_layers, layers, postgresql_layers

COREDNS_IMAGE = "registry.k8s.io/coredns/coredns:v1.15.0"
CLOUDNATIVE_PG_OPERATOR_IMAGE = f"ghcr.io/cloudnative-pg/cloudnative-pg:{CLOUDNATIVE_PG_VERSION}"
_PGBOUNCER_IMAGE = "ghcr.io/cloudnative-pg/pgbouncer:1.25.1"
"""The image that this version of the operator names."""

_TIKA = f"exec java -cp {java_layers.TIKA_ARCHIVE} org.apache.tika.server.core.TikaServerCli"
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(frozen=True, kw_only=True)
class Image:
    """One image."""

    names: tuple[str, ...]
    """Names that manifests use."""

    layers: tuple[str, ...]
    """Names of layers that `layers` and the modules beside it make, the lowest first; an argument follows a colon."""

    entrypoint: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=lambda: {"PATH": _PATH})
    working_directory: str = "/"
    stop_signal: str = "SIGTERM"


def open_webui(version: str) -> Image:
    """The image of a version of Open WebUI."""
    return Image(
        names=(OpenWebUISettings(version=version).image,),
        layers=("debian", f"{layers.OPEN_WEBUI}:{version}"),
        entrypoint=("bash", "start.sh"),
        # The variables of the official image that describe the environment to the application.
        environment={
            "USE_SLIM_DOCKER": "true",
            "DOCKER": "true",
            "ENV": "prod",
            "PORT": "8080",
            "PYTHONUNBUFFERED": "1",
        },
        working_directory="/app/backend",
    )


def cloudnative_pg() -> tuple[Image, ...]:
    """The images of CloudNativePG: the operator, PostgreSQL and PgBouncer. Not every node needs them."""
    operator = Image(
        names=(CLOUDNATIVE_PG_OPERATOR_IMAGE,),
        layers=(f"cloudnative_pg:{CLOUDNATIVE_PG_VERSION}",),
        entrypoint=("/manager",),
    )
    return (operator, pgbouncer())


def pgbouncer() -> Image:
    """PgBouncer, in the image with the PostgreSQL of CloudNativePG: both are of one release of Debian."""
    return Image(
        names=(CLOUDNATIVE_PG_POSTGRESQL_IMAGE, _PGBOUNCER_IMAGE, POOLER_IMAGE),
        layers=(f"cloudnative_pg_servers:{cloudnative_pg_layers.MAJOR}",),
        environment={"PATH": f"{cloudnative_pg_layers.PROGRAMS}:{_PATH}"},
    )


def pgbouncer_exporter() -> Image:
    """The exporter beside PgBouncer. Not every node needs it."""
    return Image(
        names=(PGBOUNCER_EXPORTER_IMAGE,),
        layers=(exporter_layers.PGBOUNCER_EXPORTER_LAYER,),
        entrypoint=("/bin/pgbouncer_exporter",),
    )


def _postgresql(names: tuple[str, ...], layer: str, programs: str) -> Image:
    return Image(
        names=names,
        layers=("debian", layer),
        entrypoint=("postgres",),
        # These clients look for the socket of the server in another directory than those of the official image.
        environment={"PATH": f"{programs}:{_PATH}", "PGHOST": "/var/run/postgresql"},
        # As in the official image: a fast shutdown. SIGTERM would wait for the last client to disconnect.
        stop_signal="SIGINT",
    )


def postgresql_releases() -> tuple[Image, Image]:
    """PostgreSQL 16 and 18 under names with their versions, for an upgrade. A node has them when a test asks for them.

    The default image of a node has the name of another release than the server in it.
    """
    return (
        _postgresql(("pgvector/pgvector:pg16",), "postgresql", postgresql_layers.PROGRAMS),
        _postgresql(("pgvector/pgvector:pg18",), "postgresql18", postgresql_layers.NEWER_PROGRAMS),
    )


def images() -> tuple[Image, ...]:
    """All images of a node: those of the stack's default settings, and those of the cluster."""
    return (
        Image(names=(PAUSE_IMAGE,), layers=("debian",), entrypoint=("sleep", "infinity")),
        Image(names=(COREDNS_IMAGE,), layers=("coredns",), entrypoint=("/coredns",)),
        Image(
            names=(RedisSettings().container_image, "redis:7-alpine"), layers=("debian",), entrypoint=("redis-server",)
        ),
        Image(names=(EXPORTER_IMAGE,), layers=("debian",), entrypoint=("prometheus-redis-exporter",)),
        Image(names=(POSTGRES_EXPORTER_IMAGE,), layers=("postgres_exporter",), entrypoint=("/bin/postgres_exporter",)),
        _postgresql((PostgreSQLSettings().image, "postgres:15"), "postgresql", postgresql_layers.PROGRAMS),
        Image(names=(ARCHIVE_IMAGE,), layers=("debian", "barman"), entrypoint=("python3",)),
        Image(
            names=(TikaSettings().image,),
            layers=("java", "tika"),
            # As in the official image: the words that follow are the shell's $0 and $@.
            entrypoint=("/bin/sh", "-c", f"{_TIKA} -h 0.0.0.0 $0 $@"),
        ),
        open_webui(OpenWebUISettings().version),
    )
