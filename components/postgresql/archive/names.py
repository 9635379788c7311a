"""Names of the archive's objects."""

from ...blocks.labels import Labels

CONTAINER = "archive"
"""Container of PostgreSQL's pod."""

ARCHIVE_CONFIG_MAP = "postgres-archive"
CREDENTIALS_SECRET = "postgres-archive"
"""Secret with the credentials of the bucket, where they are values of the config."""

RECOVERY = "postgres-recovery"
"""Label `app`, pod, and network policy of a recovery (`stackctl recover`)."""

RECOVERY_LABELS = Labels(app=RECOVERY, component="recovery")
"""Not those of the server: no Service may lead to it."""
