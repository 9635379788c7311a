"""The components of the package, and which config keys, secrets and outputs of the stack each of them has."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from components.postgresql.archive.settings import SECRETS as ARCHIVE_SECRETS
from composition.outputs import OUTPUTS
from stack_config.buckets import BUCKET_SECRETS
from stack_config.keys import config_keys
from stack_config.parts import OpenWebUISettingsAlone, PostgreSQLSettingsAlone, RedisSettingsAlone
from stack_config.schema import settings_schema
from stack_config.secret_keys import SECRET_KEYS, SECRET_MAPS
from stack_config.settings import StackSettings

from .names import NOT_ARGUMENTS, PACKAGE, STACK

_EVERY_PART = ("namespace", "createNamespace", "podSecurityVersion", "dns", "pods", "protect", "monitoring")


EXTERNAL = "external"
"""Topology of servers that no component deploys."""


@dataclass(frozen=True, kw_only=True)
class Component:
    """One component of the package."""

    token: str
    """Its type."""

    description: str
    settings: type[StackSettings]
    """The settings that its arguments become."""

    keys: Sequence[str]
    """Its arguments: config keys, and members of objects. A whole object has all its members."""

    without: Sequence[str] = ()
    """Members of these objects that are not arguments."""

    secrets: Sequence[str] = ()
    """Secret config keys that are arguments."""

    outputs: Sequence[str]
    """Outputs of the stack that are outputs of the component."""

    servers: str = ""
    """Config key of the servers that it deploys. They cannot be external, and their URLs are always outputs."""

    fixed: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """Members of objects that have one value in this component."""

    @property
    def name(self) -> str:
        """The name of its class in an SDK."""
        return self.token.rpartition(":")[2]

    @property
    def required_outputs(self) -> list[str]:
        """The outputs that are never missing."""
        return [name for name in self.outputs if self.servers or not OUTPUTS[name].optional]

    def has(self, path: str) -> bool:
        """Whether a config key, or a member of it, is an argument."""
        return _is_in(path, self.keys) and not _is_in(path, self.without)

    def has_known(self, path: str) -> bool:
        """Whether a key is an argument, or not a config key at all: the report on the config then names it."""
        return self.has(path) or path not in config_keys()

    def members(self, path: str) -> list[str]:
        """The members of an object of the config that are arguments."""
        inside = (key.removeprefix(f"{path}.") for key in config_keys() if key.startswith(f"{path}."))
        return [member for member in inside if member.isalnum() and self.has(f"{path}.{member}")]

    def has_some(self, path: str) -> bool:
        """Whether any member of a config key is an argument."""
        return self.has(path) or any(key.startswith(f"{path}.") for key in self.keys)

    def has_all(self, path: str) -> bool:
        """Whether every member of a config key is an argument."""
        return self.has(path) and not any(key.startswith(f"{path}.") for key in self.without)


def _is_in(path: str, keys: Sequence[str]) -> bool:
    return any(f"{path}.".startswith(f"{key}.") for key in keys)


def _whole_stack() -> Component:
    keys = [key for key in settings_schema("{model}")["properties"] if key not in NOT_ARGUMENTS]
    return Component(
        token=STACK,
        description="Open WebUI, its Redis and its PostgreSQL in a namespace of one cluster.",
        settings=StackSettings,
        keys=keys,
        secrets=[*(name for name in SECRET_KEYS if name not in NOT_ARGUMENTS), *SECRET_MAPS],
        outputs=list(OUTPUTS),
    )


def _components() -> Iterator[Component]:
    yield _whole_stack()
    yield Component(
        token=f"{PACKAGE}:index:Redis",
        description="A Redis for Open WebUI, without Open WebUI.",
        settings=RedisSettingsAlone,
        keys=(*_EVERY_PART, "redis", "rotate.redis"),
        without=("redis.external",),
        outputs=("namespace", "redis_cache_url", "redis_websocket_url"),
        servers="redis",
    )
    yield Component(
        token=f"{PACKAGE}:index:PostgreSQL",
        description="A PostgreSQL with pgvector for Open WebUI, and its backups, without Open WebUI.",
        settings=PostgreSQLSettingsAlone,
        keys=(
            *_EVERY_PART,
            "postgresql",
            "backup",
            "existingSecrets",
            "rotate.postgresql",
            "rotate.existingSecrets",
            # The image of the program that copies backups to a bucket.
            *("openWebui.version", "openWebui.imageRepository", "openWebui.imageDigest"),
        ),
        # Only the web pods log in to PgBouncer.
        without=("postgresql.external", "postgresql.pooler"),
        secrets=tuple(BUCKET_SECRETS),
        outputs=("namespace", "database_url"),
        servers="postgresql",
    )
    yield Component(
        token=f"{PACKAGE}:index:OpenWebUI",
        description="Open WebUI with a Redis and a PostgreSQL that exist: those of other components, or external ones.",
        settings=OpenWebUISettingsAlone,
        keys=(
            *_EVERY_PART,
            *("openWebui", "ollama", "tika", "backup", "existingSecrets"),
            *("rotate.openWebui", "rotate.existingSecrets", "rotate.postgresql"),
            "redis.external",
            *(f"postgresql.{key}" for key in ("external", "pooler", "tls", "maxConnections", "image", "pods")),
        ),
        secrets=[name for name in SECRET_KEYS if name not in (*NOT_ARGUMENTS, *ARCHIVE_SECRETS)] + [*SECRET_MAPS],
        outputs=("namespace", "webui_url", "admin_email", "admin_password"),
        fixed={"redis": {"topology": EXTERNAL}, "postgresql": {"topology": EXTERNAL}},
    )


COMPONENTS: Mapping[str, Component] = {component.token: component for component in _components()}
"""Every component by its type."""
