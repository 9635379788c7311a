"""Time limits of the steps of an update of Open WebUI. Every deadline is the sum of the steps that it encloses."""

from dataclasses import dataclass

from .termination import MIN_READY_SECONDS

IMAGE_SECONDS = 600
"""Scheduling a pod and pulling its image: several GB for the full variant."""

REDIS_WAIT_SECONDS = 300
"""A new pod waits until Redis accepts its credentials: the kubelet updates a rotated password within about a minute."""

DATABASE_WAIT_SECONDS = 300
"""A new pod waits for the database: a restart with recovery after a crash."""

PREFLIGHT_WAIT_SECONDS = 120
"""The preflight waits for the database and the S3 service, which serve the old pods at that moment. After a rotation,
the kubelet updates the password of the server within about 90 s."""

PREFLIGHT_CHECK_SECONDS = 60
"""The preflight itself: the start of Python, and queries that PostgreSQL answers at once."""

NOTICE_SECONDS = 15
"""A server that has lost the session of its lock notices this in less time, and takes the lock again or stops."""

STARTUP_PERIOD_SECONDS = 1
STARTUP_SECONDS = 300
"""From the start of the server to the open port, on a slow node."""

# The inner deadline passes, and reports its reason, before the outer one does.
MARGIN_SECONDS = 60


@dataclass(frozen=True)
class Deadlines:
    """The deadlines of a stack, in seconds."""

    migration: int
    """Open WebUI's part of a migration: MIGRATE_RUN_SECONDS."""

    replicas: int
    """Maximum number of web pods that serve at the same time."""

    handover: int = 0
    """How long they may take to stop before a migration: MIGRATE_HANDOVER_SECONDS; 0: they stop before a pod starts."""

    @property
    def lock_wait(self) -> int:
        """How long a replica waits for the migration of another one: longer than a migration may take."""
        # The import before the handover has the time of a migration, too.
        return self.migration + (self.handover and self.handover + self.migration) + MARGIN_SECONDS

    @property
    def migrate(self) -> int:
        """The longest successful run of the container that migrates."""
        return REDIS_WAIT_SECONDS + DATABASE_WAIT_SECONDS + self.lock_wait - MARGIN_SECONDS

    @property
    def pod_start(self) -> int:
        """The longest successful start of a pod, which migrates the database and then serves."""
        return IMAGE_SECONDS + self.migrate + STARTUP_SECONDS + MIN_READY_SECONDS

    @property
    def progress(self) -> int:
        """Seconds without a new available pod after which Kubernetes reports that the update is stuck."""
        return self.pod_start + MARGIN_SECONDS

    @property
    def create(self) -> int:
        """Pulumi gives up on new pods, which all start together."""
        return self.progress + MARGIN_SECONDS

    @property
    def first_create(self) -> int:
        """Pulumi gives up on the first pods, which start beside an empty database. It has no time for a long migration:
        if the database does not start, the update ends earlier."""
        return IMAGE_SECONDS + STARTUP_SECONDS + MIN_READY_SECONDS + MARGIN_SECONDS

    @property
    def update(self) -> int:
        """Pulumi gives up on an update, which replaces one pod after the other: only the first one migrates."""
        return self.create + self.replicas * (IMAGE_SECONDS + STARTUP_SECONDS + MIN_READY_SECONDS)

    @property
    def preflight(self) -> int:
        """Kubernetes ends the preflight: activeDeadlineSeconds."""
        # It waits for the S3 service and for the database, one after the other.
        return IMAGE_SECONDS + 2 * PREFLIGHT_WAIT_SECONDS + PREFLIGHT_CHECK_SECONDS

    @property
    def preflight_create(self) -> int:
        """Pulumi gives up on the preflight."""
        return self.preflight + MARGIN_SECONDS
