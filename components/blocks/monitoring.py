"""`monitoring` in the stack's config: it holds for every component that has metrics."""

from collections.abc import Iterator

from pydantic import Field

from .base_settings import Problem, Settings
from .names import ExistingNamespace


class MonitoringSettings(Settings):
    """Metrics for Prometheus."""

    enabled: bool = Field(
        False, description="Run redis_exporter beside Redis and annotate its pod for scraping (port 9121)."
    )
    namespace: ExistingNamespace = Field(
        "monitoring", description="Namespace of Prometheus, the only namespace that may scrape."
    )
    operator: bool = Field(
        False,
        description="Also create a ServiceMonitor, a PrometheusRule with the alerts and a dashboard for Grafana's "
        "sidecar. Needs the custom resources of the Prometheus operator.",
    )

    def problems(self) -> Iterator[Problem]:
        if self.operator and not self.enabled:
            yield Problem(
                keys=("operator", "enabled"),
                message="operator without enabled: there is no exporter to scrape",
                allowed="operator: true with enabled: true, or operator: false",
                fix="false",
            )
