"""The alerts and the dashboard of PostgreSQL in one stack. ``alerts.yaml`` names its placeholders."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...blocks import alert_files
from ...blocks.quantities import quantity

ALERTS = Path(__file__).with_name("alerts.yaml")
DASHBOARD = Path(__file__).with_name("dashboard.json")


@dataclass(frozen=True, kw_only=True)
class WatchedBackups:
    """Backups that the alerts expect."""

    oldest: int
    """Seconds after which the newest one is too old."""

    places: Sequence[str]
    """Where they are kept, as their record says it."""

    @property
    def values(self) -> dict[str, str]:
        """The placeholders of the alerts on backups, with their values."""
        return {
            "BACKUP_SECONDS": str(self.oldest),
            "26h": f"{self.oldest}s",
            "BACKUP_PLACES": "|".join(self.places),
        }


def prometheus_rules(
    namespace: str, *, volume_size: str, backups: WatchedBackups | None, oldest_base_backup: int | None = None
) -> dict[str, Any]:
    """``spec`` of a PrometheusRule, which is also the content of a rule file.

    Args:
        namespace: namespace of the stack.
        volume_size: size of the database's volume, a quantity.
        backups: what is expected of the backups; None for none.
        oldest_base_backup: seconds after which the newest base backup is too old; None without an archive.
    """
    values = {"VOLUME_BYTES": str(int(quantity(volume_size))), "OLDEST_BASE_BACKUP": str(oldest_base_backup)}
    expected = {"postgresql-backup": backups, "postgresql-archive": oldest_base_backup}
    return alert_files.prometheus_rules(
        ALERTS,
        name="open-webui-stack-postgresql",
        groups=("postgresql", *(group for group, what in expected.items() if what)),
        namespace=namespace,
        values={**values, **(backups.values if backups else {})},
    )


def dashboard(namespace: str) -> dict[str, Any]:
    """A dashboard of Grafana for the stack in the namespace."""
    return alert_files.dashboard(DASHBOARD, namespace)
