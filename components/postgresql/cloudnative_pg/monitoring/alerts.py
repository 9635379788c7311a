"""The alerts and the dashboard of a cluster in one stack. ``alerts.yaml`` names its placeholders."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ....blocks import alert_files
from ....blocks.quantities import quantity
from ...monitoring.alerts import WatchedBackups
from ...settings import PostgreSQLSettings

ALERTS = Path(__file__).with_name("alerts.yaml")
DASHBOARD = Path(__file__).with_name("dashboard.json")


def prometheus_rules(namespace: str, settings: PostgreSQLSettings, backups: WatchedBackups | None) -> dict[str, Any]:
    """``spec`` of a PrometheusRule, which is also the content of a rule file.

    Args:
        namespace: namespace of the stack.
        settings: settings of PostgreSQL.
        backups: what is expected of the dumps; None for none.
    """
    own = settings.cloudnative_pg
    values = {
        "VOLUME_BYTES": str(int(quantity(settings.storage.size))),
        "STANDBYS": str(own.instances - 1),
        "SYNCHRONOUS": str(own.synchronous_replicas),
        "OLDEST_BASE_BACKUP": str(settings.archive.oldest_base_backup),
    }
    return alert_files.prometheus_rules(
        ALERTS,
        name="open-webui-stack-postgresql",
        groups=tuple(_groups(settings, backups)),
        namespace=namespace,
        values={**values, **(backups.values if backups else {})},
    )


def dashboard(namespace: str) -> dict[str, Any]:
    """A dashboard of Grafana for the stack in the namespace."""
    return alert_files.dashboard(DASHBOARD, namespace)


def _groups(settings: PostgreSQLSettings, backups: WatchedBackups | None) -> Iterator[str]:
    own = settings.cloudnative_pg
    yield "postgresql"
    if own.synchronous_replicas and own.synchronous.durability == "required":
        yield "postgresql-synchronous"
    if settings.pooler.enabled:
        yield "postgresql-pooler"
    if settings.archive.enabled:
        yield "postgresql-archive"
    if backups:
        yield "postgresql-backup"
