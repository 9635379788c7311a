"""Names of variables and annotations: which are valid, which belong to the stack, which speak of a secret."""

import re
from typing import Annotated

from pydantic import AfterValidator
from pydantic_core import PydanticCustomError

from ..names import Text

MANAGED_VARIABLES = frozenset(
    {
        "CORS_ALLOW_ORIGIN",
        "DATABASE_POOL_MAX_OVERFLOW",
        "DATABASE_POOL_SIZE",
        "DATABASE_URL",
        "DATA_DIR",
        "ENABLE_DB_MIGRATIONS",
        "ENABLE_OLLAMA_API",
        "ENABLE_OPENAI_API",
        "ENABLE_PIP_INSTALL_FRONTMATTER_REQUIREMENTS",
        "ENABLE_VERSION_UPDATE_CHECK",
        "OFFLINE_MODE",
        "GLOBAL_LOG_LEVEL",
        "HOME",
        "OLLAMA_BASE_URL",
        "OPENAI_API_BASE_URL",
        "OPENAI_API_KEY",
        "PGVECTOR_CREATE_EXTENSION",
        "PGVECTOR_POOL_MAX_OVERFLOW",
        "PGVECTOR_POOL_SIZE",
        "PORT",
        "RAG_EMBEDDING_ENGINE",
        "REDIS_CLUSTER",
        "REDIS_HEALTH_CHECK_INTERVAL",
        "REDIS_RECONNECT_DELAY",
        "REDIS_SENTINEL_HOSTS",
        "REDIS_SENTINEL_MAX_RETRY_COUNT",
        "REDIS_SENTINEL_PORT",
        "REDIS_SOCKET_CONNECT_TIMEOUT",
        "REDIS_SOCKET_KEEPALIVE",
        "REDIS_URL",
        "S3_ACCESS_KEY_ID",
        "S3_BUCKET_NAME",
        "S3_ENDPOINT_URL",
        "S3_KEY_PREFIX",
        "S3_REGION_NAME",
        "S3_SECRET_ACCESS_KEY",
        "STATIC_DIR",
        "STORAGE_PROVIDER",
        "UVICORN_TIMEOUT_GRACEFUL_SHUTDOWN",
        "UVICORN_WORKERS",
        "VECTOR_DB",
        "WEBSOCKET_MANAGER",
        "WEBSOCKET_REDIS_CLUSTER",
        "WEBSOCKET_REDIS_URL",
        "WEBSOCKET_SENTINEL_HOSTS",
        "WEBSOCKET_SENTINEL_PORT",
        "WEBUI_ADMIN_EMAIL",
        "WEBUI_ADMIN_NAME",
        "WEBUI_ADMIN_PASSWORD",
        "WEBUI_SECRET_KEY",
        "WEBUI_SESSION_COOKIE_SECURE",
        "WEBUI_URL",
    }
)
"""Variables that the stack sets or that its commands decide; `openWebui.env` must not contradict them."""

DESTRUCTIVE_VARIABLES = frozenset(
    {
        # Together they override DATABASE_URL: the migration would lock one database and change another.
        "DATABASE_TYPE",
        "DATABASE_HOST",
        "DATABASE_PORT",
        "DATABASE_NAME",
        "DATABASE_USER",
        "DATABASE_PASSWORD",
        # Every replica would clear the settings made in the application at each of its starts.
        "RESET_CONFIG_ON_START",
    }
)
"""Variables that would take the database from under the other replicas."""

_SECRET_NAME = re.compile(
    r"(^|_)(KEYS?|PASS|PASSWORDS?|PASSWD|PWD|PASSPHRASE|SECRETS?|TOKEN|CREDENTIALS?|DSN)(_?[0-9]+)?$", re.IGNORECASE
)
_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_URL_WITH_CREDENTIALS = re.compile(r"://[^/?#\s]*@")
_SWITCHES = ("true", "false")
# What shells and containers take for a name: https://pubs.opengroup.org/onlinepubs/9799919799/basedefs/V1_chap08.html
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
# https://kubernetes.io/docs/concepts/overview/working-with-objects/annotations/#syntax-and-character-set
_ANNOTATION = re.compile(r"([a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?")


def looks_secret(name: str) -> bool:
    """Whether what has that name is a secret: ``OAUTH_CLIENT_SECRET`` and ``apiKey`` are, ``TASK_MODEL`` is not."""
    return _SECRET_NAME.search(_HUMP.sub("_", name)) is not None


def has_credentials(text: str) -> bool:
    """Whether there is a URL with a user or a password in it: ``http://user:password@proxy:3128``."""
    return _URL_WITH_CREDENTIALS.search(text) is not None


def holds_secret(name: str, value: str) -> bool:
    """Whether a variable is a secret by its name or by its value. A switch is none: ``ENABLE_API_KEYS=true``."""
    return (looks_secret(name) and value.lower() not in _SWITCHES) or has_credentials(value)


def _variable_name(name: str) -> str:
    if _VARIABLE.fullmatch(name):
        return name
    raise PydanticCustomError(
        "variable_name",
        "not a name of an environment variable",
        {"allowed": "letters, digits and '_', no digit at the start", "of_name": True},
    )


def _annotation_name(name: str) -> str:
    if _ANNOTATION.fullmatch(name):
        return name
    raise PydanticCustomError(
        "annotation_name",
        "not a name of an annotation",
        {"allowed": "prefix/name: letters, digits, '-', '_' and '.', not at the ends", "of_name": True},
    )


def _public_text(text: str) -> str:
    if not has_credentials(text):
        return text
    raise PydanticCustomError(
        "secret_in_url",
        "a URL with credentials is a secret in plain text",
        {"allowed": "a URL without user and password", "hide": True},
    )


VariableName = Annotated[str, AfterValidator(_variable_name)]
AnnotationName = Annotated[str, AfterValidator(_annotation_name)]
PublicText = Annotated[Text, AfterValidator(_public_text)]
"""A text that everybody may read who may read the object."""
