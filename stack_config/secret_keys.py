"""The secret config keys of the stack: flat ones, and objects of secrets."""

from collections.abc import Mapping

from components.open_webui.settings import feature_secrets
from components.postgresql.topologies.external import URL as DATABASE_URL

from .buckets import BUCKET_SECRETS
from .cluster_access import KUBECONFIG

SECRET_KEYS: Mapping[str, str] = {
    "openaiApiKey": "Key of the service at `openWebui.openaiApiBaseUrl`. Required with it.",
    **{secret.name: secret.description for secret in feature_secrets()},
    KUBECONFIG: "Contents of a kubeconfig. Required with `cluster.mode: kubeconfig`.",
    DATABASE_URL: "URL of an external PostgreSQL: `postgresql://user:password@host:port/database`. Required with one.",
    "redisCacheUrl": "URL of the application's state in an external Redis. Required with one.",
    "redisWebsocketUrl": "URL of the websockets in an external Redis. Default: `redisCacheUrl`.",
    **BUCKET_SECRETS,
}
"""Secret config keys: flat, set with `pulumi config set --secret`. Values are descriptions."""

SECRET_ENV = "secretEnv"

SECRET_MAPS: Mapping[str, str] = {
    SECRET_ENV: "Secret environment variables of the web pods, by their name: those of Open WebUI and of your plugins. "
    "Set each with `pulumi config set --secret --path secretEnv.NAME`.",
}
"""Secret config keys that are objects: every member is encrypted. Values are descriptions."""
