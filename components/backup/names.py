"""Names of the backups' objects."""

from ..blocks.labels import Labels

APP = "postgres-backup"
"""Label `app`; name of the CronJob, its ConfigMap, ServiceAccount and network policy."""

DUMP_CONTAINER = "backup"
"""Container that makes and proves a dump, and restores it."""

CAPTURE_CONTAINER = "uploads"
"""Container that copies uploaded files to the bucket before the dump is made."""

BUCKET_CONTAINER = "bucket"
"""Container that copies the dump to the bucket."""

RECORD_CONTAINER = "record"
"""Container that records in the database what the bucket has."""

PROGRAM = "postgres-backup-bucket"
"""ConfigMap with the program of the containers that use the bucket."""

BUCKET_SECRET = "postgres-backup-bucket"
"""Secret with the keys of the bucket."""

DIRECTORY = "/backups"
"""Where every container has the volume of the dumps."""

LABELS = Labels(app=APP, component="backup")

VOLUME_CLAIM = "postgres-backups"

SECRET_VOLUME = "password"
"""Volume with the secret of the database: of the containers that connect to it."""

SECRET_DIRECTORY = "/run/secrets/postgresql"
"""Where they have it."""
