"""Names of the backups' objects."""

from ..blocks.labels import Labels

APP = "postgres-backup"
"""Label `app`; name of the CronJob, its ConfigMap, ServiceAccount and network policy."""

LABELS = Labels(app=APP, component="backup")

VOLUME_CLAIM = "postgres-backups"
