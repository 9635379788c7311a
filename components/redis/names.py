"""Names of Redis' objects. All are fixed: the source document and the operator's commands use them."""

from ..blocks.labels import Labels

APP = "redis"
"""Label `app`; name of the workload, its container and port, the ServiceAccount, the network policy and the budget."""

LABELS = Labels(app=APP, component="cache")

SERVICE = "redis-service"
"""Service of the servers that are ready."""

SENTINEL_SERVICE = "redis-sentinel"
"""Service of the Sentinels that are ready."""

HEADLESS_SERVICE = "redis-nodes"
"""Headless Service that gives every pod a name. Clients receive names, not addresses."""

METRICS_SERVICE = "redis-metrics"
"""Headless Service of the exporters."""

CONNECTION_SECRET = "redis-config"
"""Secret of the clients, with both URLs (`blocks.connection_keys`)."""

USERS_SECRET = "redis-acl"
"""Secret with the users of the stack's own Redis and their passwords."""

AUTHORITY_SECRET = "redis-ca"
"""Secret with the certificate authority of an external Redis."""

CONFIG_MAP = "redis-conf"
VOLUME_CLAIM = "redis-data"
DASHBOARD = "redis-dashboard"

SET_UP = "redis-set-up"
"""Job that creates or reshapes a Redis Cluster, its ConfigMap, ServiceAccount and network policy."""

SET_UP_LABELS = Labels(app=SET_UP, component="cache")
"""Labels of the Job's pod. They differ from those of the servers: no Service and no budget selects it."""

CLIENT_USER = "openwebui"
"""User of the clients."""

GENERATED_PASSWORD = "redis-password"
"""Logical name of the generated passwords, to which a hyphen and the number of the rotation are appended."""
