"""`monitoring` in the stack's config, for every component with metrics."""

from collections.abc import Iterator

from pydantic import Field

from .base_settings import Fix, Problem, Settings
from .custom_kinds import PROMETHEUS_RULE, SERVICE_MONITOR, KindsNeeded
from .names import ExistingNamespace, HttpUrl
from .resources import ContainerResources


class MonitoringSettings(Settings):
    """Metrics for Prometheus."""

    enabled: bool = Field(
        False,
        description="Run redis_exporter beside Redis, postgres_exporter beside PostgreSQL, and pgbouncer_exporter "
        "beside PgBouncer, and annotate their pods for scraping (ports 9121, 9187 and 9127).",
    )
    namespace: ExistingNamespace = Field(
        "monitoring", description="Namespace of Prometheus, the only namespace that may scrape."
    )
    operator: bool = Field(
        False,
        description="Also create for each of them a ServiceMonitor, a PrometheusRule with the alerts and a dashboard "
        "for Grafana's sidecar, and for Open WebUI alerts and a dashboard. Needs the CustomResourceDefinitions of the "
        "Prometheus operator.",
    )
    runbook_url: HttpUrl | None = Field(
        None,
        examples=["https://docs.example.com/open-webui-stack"],
        description="URL of your copy of the directory `docs`: the site that `make docs` builds, or the directory on "
        "GitHub or GitLab. Each alert then has an annotation `runbook_url` that leads to its section.",
    )

    def problems(self) -> Iterator[Problem]:
        if self.operator and not self.enabled:
            yield Problem(
                keys=("operator", "enabled"),
                message="operator without enabled: there is no exporter to scrape",
                allowed="operator: true with enabled: true, or operator: false",
                fix="false",
            )
        if self.runbook_url and not self.operator:
            yield Problem(
                keys=("runbookUrl", "operator"),
                message="runbookUrl without operator: the stack deploys no alerts",
                allowed="remove it, or set operator: true",
                fix=Fix.REMOVE,
            )

    def kinds_needed(self) -> Iterator[KindsNeeded]:
        """Custom kinds of a component whose exporter the operator scrapes."""
        if self.operator:
            kinds = (SERVICE_MONITOR, PROMETHEUS_RULE)
            yield KindsNeeded(key="monitoring.operator", value="true", off="false", kinds=kinds)


def exporter_resources() -> ContainerResources:
    """`resources` of an exporter: it serves a page of text every few seconds."""
    return {
        "requests": {"cpu": "10m", "memory": "32Mi", "ephemeral-storage": "16Mi"},
        "limits": {"cpu": "100m", "memory": "64Mi", "ephemeral-storage": "64Mi"},
    }
