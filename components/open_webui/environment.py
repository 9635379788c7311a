"""The environment of the Open WebUI containers. Sources: docs/decisions/0006-open-webui-environment.md."""

from collections.abc import Mapping

from pulumi_kubernetes.core.v1 import EnvVarArgsDict

from ..blocks.connection import Backend, ConnectionSecret
from ..blocks.connection_keys import CACHE_URL, CLIENT_URL, WEBSOCKET_URL
from ..blocks.pod import plain_variables
from ..blocks.secret_inputs import SecretInputs
from ..blocks.secret_names import is_secret_name
from ..blocks.secret_reference import SecretReference
from .client_limits import client_limits
from .connections import CONNECTION_LISTS
from .deadlines import DATABASE_WAIT_SECONDS, NOTICE_SECONDS, REDIS_WAIT_SECONDS
from .encryption_keys import ENCRYPTION_VARIABLES
from .names import ADMIN_PASSWORD, ADMIN_SECRET, SECRET_KEY
from .settings import (
    DATABASE_POOL_OVERFLOW,
    DATABASE_POOL_SIZE,
    PGVECTOR_POOL_OVERFLOW,
    PGVECTOR_POOL_SIZE,
    OpenWebUISettings,
    feature_secrets,
)

SCHEMA_UPGRADE = "SCHEMA_UPGRADE"
"""Variable that makes a container take part in handovers (``files/startup/schema_locks.py``)."""

_ADMIN_PASSWORD = SecretReference(name=ADMIN_SECRET, key=ADMIN_PASSWORD)

# Not the image's own data directory: an empty volume there would hide the models of the full image.
DATA_DIRECTORY = "/var/lib/open-webui"
STATIC_DIRECTORY = "/app/backend/static"

# Secret config key -> key in the Secret and environment variable.
SECRET_VARIABLES = {
    "openaiApiKey": ("openai-api-key", "OPENAI_API_KEY"),
    **{secret.name: (secret.key, secret.variable) for secret in feature_secrets()},
}


def secret_variables(inputs: SecretInputs) -> dict[str, tuple[str, str]]:
    """Secrets of Open WebUI that are set: each with its key in the Secret and its environment variable.

    Args:
        inputs: every secret that is set, including those of other components.
    """
    own = {name: names for name, names in SECRET_VARIABLES.items() if name in inputs.names}
    return {**own, **{name: (ENCRYPTION_VARIABLES.get(name, name), name) for name in sorted(inputs.variables)}}


def environment(
    settings: OpenWebUISettings,
    *,
    redis: Backend,
    database: Backend,
    own: ConnectionSecret,
    secret_inputs: SecretInputs,
    services: Mapping[str, str],
    migrate: bool,
) -> list[EnvVarArgsDict]:
    """Variables of a container, sorted by name; those that refer to others come last.

    Args:
        settings, redis: of the component and its Redis.
        database: the database, with ``client-url``.
        own: Secret with ``secret-key`` and the secret inputs.
        secret_inputs: secrets that are set.
        services: variables with the addresses of other components.
        migrate: whether this container migrates the database; others must not.
    """
    composed = _composed(settings, services)
    owner = database.owner if migrate else None
    plain = {
        **_models(settings),
        **services,
        **_always(settings),
        **_features(settings, services),
        **database.defaults,
        "ENABLE_DB_MIGRATIONS": str(migrate).lower(),
        **{name: value for name, value in settings.env.items() if not _is_of_redis(name)},
        **settings.plugin_env,
        **_migration(settings, migrate=migrate),
        **(_stored(settings, secret_inputs, services) if migrate else {}),
        **_redacted(secret_inputs),
        **client_limits(database.connection),
        **database.variables,
        **({"MIGRATE_CLIENT_ROLE": owner.client_role} if owner else {}),
    }
    secret: list[EnvVarArgsDict] = [
        *_redis_environment(redis, settings.env),
        database.connection.variable("DATABASE_URL", _url_key(database, migrate=migrate)),
        *([database.connection.variable("MIGRATE_CLIENT_URL", CLIENT_URL)] if owner else []),
        *_own_secrets(settings, own, secret_inputs),
    ]
    return _ordered([*plain_variables(plain), *secret, *_pod_fields(settings)], composed)


def _ordered(variables: list[EnvVarArgsDict], composed: Mapping[str, str]) -> list[EnvVarArgsDict]:
    # The kubelet replaces a reference only if the variable that it names comes earlier.
    first = [each for each in variables if each["name"] not in composed]
    return [
        *sorted(first, key=lambda variable: str(variable["name"])),
        *plain_variables(dict(sorted(composed.items()))),
    ]


def _url_key(database: Backend, *, migrate: bool) -> str:
    if not migrate:
        return CLIENT_URL
    # An advisory lock belongs to a session, and a pooler may run each transaction in another session.
    return database.owner.url_key if database.owner else database.direct_url_key or CLIENT_URL


def _own_secrets(
    settings: OpenWebUISettings, own: ConnectionSecret, secret_inputs: SecretInputs
) -> list[EnvVarArgsDict]:
    stored = {
        "WEBUI_SECRET_KEY": own.variable("WEBUI_SECRET_KEY", SECRET_KEY),
        "WEBUI_ADMIN_PASSWORD": _ADMIN_PASSWORD.variable("WEBUI_ADMIN_PASSWORD"),
        **{variable: own.variable(variable, key) for variable, key in ENCRYPTION_VARIABLES.items()},
    }
    inputs = {
        variable: secret_inputs.references[name].variable(variable)
        if name in secret_inputs.references
        else own.variable(variable, key)
        for name, (key, variable) in secret_variables(secret_inputs).items()
    }
    replaced = {name: each.variable(name) for name, each in secret_inputs.references.items() if name in stored}
    return list((stored | _shared(settings, inputs) | inputs | replaced).values())


def _shared(settings: OpenWebUISettings, inputs: Mapping[str, EnvVarArgsDict]) -> dict[str, EnvVarArgsDict]:
    """Variables that get the value of another secret variable, if that secret is set."""
    shared = {
        name: secret for each in settings.features.values() for name, secret in each.shared_secrets(settings).items()
    }
    variables = {
        name: SECRET_VARIABLES[secret][1] if secret in SECRET_VARIABLES else secret for name, secret in shared.items()
    }
    return {name: {**inputs[variable], "name": name} for name, variable in variables.items() if variable in inputs}


def _redis_environment(redis: Backend, env: Mapping[str, str]) -> list[EnvVarArgsDict]:
    """The variables for the connection to Redis.

    Args:
        redis: Redis, with its variables.
        env: `openWebui.env`: its variables for an external Redis apply to every client.
    """
    own = {name: value for name, value in env.items() if _is_of_redis(name)}
    urls = [
        redis.connection.variable("REDIS_URL", CACHE_URL),
        redis.connection.variable("WEBSOCKET_REDIS_URL", WEBSOCKET_URL),
    ]
    return [*urls, *plain_variables({**redis.variables, **own})]


def _is_of_redis(name: str) -> bool:
    return name.startswith(("REDIS_", "WEBSOCKET_"))


def _redacted(inputs: SecretInputs) -> dict[str, str]:
    # The scripts know the others by their names.
    unknown = [name for name in sorted(inputs.variables) if not is_secret_name(name)]
    return {"REDACTED_VARIABLES": ",".join(unknown)} if unknown else {}


def _migration(settings: OpenWebUISettings, *, migrate: bool) -> dict[str, str]:
    handover = {SCHEMA_UPGRADE: settings.schema_upgrade} if settings.handover_seconds else {}
    return {**handover, **(_patience(settings) if migrate else {})}


def _patience(settings: OpenWebUISettings) -> dict[str, str]:
    return {
        "MIGRATE_DATABASE_WAIT_SECONDS": str(DATABASE_WAIT_SECONDS),
        "MIGRATE_REDIS_WAIT_SECONDS": str(REDIS_WAIT_SECONDS),
        "MIGRATE_LOCK_WAIT_SECONDS": str(settings.deadlines.lock_wait),
        "MIGRATE_RUN_SECONDS": str(settings.migration_seconds),
        **(_handover_patience(wait) if (wait := settings.handover_seconds) else {}),
    }


def _handover_patience(wait: int) -> dict[str, str]:
    return {"MIGRATE_HANDOVER_SECONDS": str(wait), "MIGRATE_NOTICE_SECONDS": str(NOTICE_SECONDS)}


def _always(settings: OpenWebUISettings) -> dict[str, str]:
    return {
        "GLOBAL_LOG_LEVEL": settings.log_level,
        "HOME": "/tmp",
        "DATA_DIR": DATA_DIRECTORY,
        "STATIC_DIR": STATIC_DIRECTORY,
        "WEBSOCKET_MANAGER": "redis",
        # A lost server does not refuse connections, and the synchronous client of the session pools blocks the event
        # loop while it waits. The kernel's second attempt, after one second, is within this limit.
        "REDIS_SOCKET_CONNECT_TIMEOUT": "2",
        "REDIS_SOCKET_KEEPALIVE": "true",
        "REDIS_HEALTH_CHECK_INTERVAL": "60",
        "DATABASE_POOL_SIZE": str(DATABASE_POOL_SIZE),
        "DATABASE_POOL_MAX_OVERFLOW": str(DATABASE_POOL_OVERFLOW),
        "PGVECTOR_POOL_SIZE": str(PGVECTOR_POOL_SIZE),
        "PGVECTOR_POOL_MAX_OVERFLOW": str(PGVECTOR_POOL_OVERFLOW),
        # Chroma, the default elsewhere, is a file on one pod's disk: replicas would answer differently.
        "VECTOR_DB": "pgvector",
        # The database creates it; the application's user may not.
        "PGVECTOR_CREATE_EXTENSION": "false",
        # It would run pip at the start of each pod, so replicas could run different code.
        "ENABLE_PIP_INSTALL_FRONTMATTER_REQUIREMENTS": "false",
        # Open WebUI must not look for updates of itself or of models: the network policy does not allow it.
        "OFFLINE_MODE": "true",
        "WEBUI_ADMIN_EMAIL": settings.admin_email,
        "WEBUI_ADMIN_NAME": "Administrator",
        "CORS_ALLOW_ORIGIN": ";".join(settings.origins) or "*",
        "WEBUI_SESSION_COOKIE_SECURE": str(settings.scheme == "https").lower(),
        **({"WEBUI_URL": settings.public_url} if settings.public_url else {}),
    }


def _models(settings: OpenWebUISettings) -> dict[str, str]:
    openai, ollama = settings.openai_api_base_url, settings.ollama_base_url
    return {
        "ENABLE_OPENAI_API": str(openai is not None).lower(),
        "ENABLE_OLLAMA_API": str(ollama is not None).lower(),
        **({"OPENAI_API_BASE_URL": openai} if openai else {}),
        # Without a value Open WebUI looks for an Ollama on the Docker host at every start.
        "OLLAMA_BASE_URL": ollama or "http://localhost:11434",
    }


def _features(settings: OpenWebUISettings, services: Mapping[str, str]) -> dict[str, str]:
    variables: dict[str, str] = {}
    for feature in settings.features.values():
        variables |= feature.variables(settings, services)
    return variables


def _pod_fields(settings: OpenWebUISettings) -> list[EnvVarArgsDict]:
    fields = {name: path for feature in settings.features.values() for name, path in feature.pod_fields().items()}
    return [{"name": name, "value_from": {"field_ref": {"field_path": path}}} for name, path in fields.items()]


def _composed(settings: OpenWebUISettings, services: Mapping[str, str]) -> dict[str, str]:
    variables: dict[str, str] = {}
    for feature in settings.features.values():
        variables |= feature.composed_variables(services)
    return variables


def _stored(settings: OpenWebUISettings, secret_inputs: SecretInputs, services: Mapping[str, str]) -> dict[str, str]:
    """The variables that the user sets and that Open WebUI would ignore on an existing database."""
    of_features = (
        name for feature in settings.features.values() for name in feature.stored_variables(settings, services)
    )
    names = {*of_features, *({*settings.env, *secret_inputs.variables} - CONNECTION_LISTS)}
    return {"STORED_SETTINGS": ",".join(sorted(names))} if names else {}
