"""What the keys do that hold for all pods."""

from tests.support.unit.effects import BACKUP, BACKUP_BUCKET, Effect
from tests.support.unit.effects_on_archive import ON as ARCHIVE
from tests.support.unit.effects_on_archive import SECRETS
from tests.support.unit.pod_effects import container, pod_keys

EFFECTS: dict[str, Effect] = {
    **pod_keys("stack", "Job", "open-webui-preflight", outside=True),
    **pod_keys("redis", "Deployment", "redis"),
    **pod_keys("postgresql", "StatefulSet", "postgres", *ARCHIVE, outside=True, container="archive", secrets=SECRETS),
    **pod_keys("postgresql", "StatefulSet", "postgres"),
    **pod_keys("backup", "CronJob", "postgres-backup", *BACKUP_BUCKET, outside=True),
    **pod_keys("backup", "CronJob", "postgres-backup", *BACKUP),
    **pod_keys("ollama", "Deployment", "ollama", "ollama.enabled=true", outside=True),
    **pod_keys("openWebui", "Deployment", "open-webui", outside=True),
    # The Job of a backup would not end beside another container: the key is refused.
    "backup.pods.extraContainers": Effect(
        value="",
        sets=(*BACKUP, *container("backup.pods.extraInitContainers", "first", "busybox:1.37")),
        shows=lambda r: [each["name"] for each in r.every_pod["postgres-backup"]["containers"]],
        expected=["backup"],
    ),
}
