"""Names of the objects of CloudNativePG, those that the stack creates and those that the operator derives."""

from ..names import APP
from ..pooler.names import POOLER

CLUSTER = APP
"""Name of the `Cluster`. The operator names its pods ``postgres-1``, ``postgres-2``, … and its Services for it."""

PODS = {"cnpg.io/cluster": CLUSTER}
"""Label that the operator gives all pods of the cluster: the instances, the Jobs that create them, PgBouncer."""

INSTANCES = {**PODS, "cnpg.io/podRole": "instance"}
"""Labels of the instances alone."""

OF_POOLER = {"cnpg.io/poolerName": POOLER}
"""Label that the operator gives the Deployment, the Service and the pods of a `Pooler`."""

DATABASE_OBJECT = "postgres-database"
"""Name of the `Database`."""

OBJECT_STORE = f"{CLUSTER}-archive"
"""Name of the `ObjectStore`, and of the Secret with the credentials of its bucket."""

SCHEDULED_BACKUP = f"{CLUSTER}-base-backups"
"""Name of the `ScheduledBackup`; those of its `Backup` objects begin with it."""

RECOVERED = "recovered"
"""Name that the `Cluster` has for the archive that it is created from."""

AUTHORITY_SECRET = f"{CLUSTER}-ca"
"""Secret of the operator with the authority that signs the servers' certificates: the certificate and its key."""

RELOAD = {"cnpg.io/reload": "true"}
"""Label of a Secret whose changes the operator follows at once."""

STATUS_PORT = 8000
"""Port of the instance manager, which the operator and the other instances ask."""

METRICS_PORT = 9187
POOLER_METRICS_PORT = 9127
METRICS = "metrics"
"""Name of both metrics ports."""

QUERIES = f"{CLUSTER}-queries"
"""ConfigMap with further queries of the exporters."""

QUERIES_KEY = "queries.yaml"
