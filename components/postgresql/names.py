"""Names of PostgreSQL's objects, and the constants that its clients need. All are fixed by the source document."""

from ..blocks.labels import Labels

APP = "postgres"
"""Label `app`; name of the StatefulSet, its container, the ServiceAccount, the network policy and the budget."""

LABELS = Labels(app=APP, component="database")

SERVICE = "postgres"
"""Service that clients connect to."""

PODS_SERVICE = "postgres-pods"
"""Headless Service that a StatefulSet needs for the names of its pods."""

PORT = 5432
USER = "ragsystemuser"
DATABASE = "ragsystemdb"

SECRET = "postgresql-secret"
"""Secret with the keys below and `blocks.connection_keys.CLIENT_URL`."""

DATABASE_URL = "database-url"
"""Key of the Secret: the URL of the source document."""

PASSWORD = "password"
"""Key of the Secret: the password alone."""

AUTHORITY_SECRET = "postgresql-ca"
"""Secret with the certificate authority of an external PostgreSQL."""

METRICS_SERVICE = "postgres-metrics"
"""Headless Service of the exporter."""

DASHBOARD = "postgres-dashboard"
CONFIG_MAP = "postgres-conf"
VOLUME_CLAIM = "postgres-data"

GENERATED_PASSWORD = "postgresql-password"
"""Logical name of the generated passwords, to which a hyphen and the number of the rotation are appended."""
