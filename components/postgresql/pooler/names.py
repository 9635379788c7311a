"""Names of PgBouncer's objects, the same in every topology."""

from ...blocks.labels import Labels

POOLER = "postgres-pooler"
"""Service that the web pods connect to. Label `app`; name of the Deployment, its container, the ConfigMap, the Secret,
the ServiceAccount, the network policy and the budget; with topology cloudnative-pg name of the `Pooler`."""

LABELS = Labels(app=POOLER, component="pooler")

METRICS_SERVICE = "postgres-pooler-metrics"
"""Headless Service of the exporters."""

DASHBOARD = "postgres-pooler-dashboard"

USERS_FILE = "userlist.txt"
"""Key of the Secret: the users that may log in to PgBouncer."""

SERVER_FILE = "server.ini"
"""Key of the Secret: the server behind PgBouncer."""
