"""Rules and queries in the hands of promtool."""

import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from devcluster.toolchain.go_programs import PROMTOOL, build


@dataclass(frozen=True)
class Promtool:
    """promtool with a directory for its files."""

    program: str
    directory: Path

    def run(self, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        """Run it in the directory."""
        return subprocess.run(
            [self.program, *arguments], cwd=self.directory, input=stdin, capture_output=True, text=True, check=False
        )

    def check_metrics(self, text: str) -> None:
        """Fail with promtool's output if the text is not metrics in Prometheus' format, or not named as it advises."""
        done = self.run("check", "metrics", stdin=text)
        assert (done.returncode, done.stdout + done.stderr) == (0, "")

    def check(self, rules: dict[str, Any], *options: str) -> None:
        """Fail with promtool's output if it does not accept the rules."""
        (self.directory / "rules.yaml").write_text(yaml.safe_dump(rules))
        done = self.run("check", "rules", *options, "rules.yaml")
        assert done.returncode == 0, done.stdout + done.stderr

    def check_file(self, file: Path) -> None:
        """Fail with promtool's output if Prometheus does not read the file as it is in the repository."""
        done = self.run("check", "rules", str(file))
        assert done.returncode == 0, done.stdout + done.stderr

    def check_queries(self, dashboard: dict[str, Any]) -> None:
        """Fail if Prometheus does not understand a query of the dashboard."""
        records = [{"record": f"panel:{number}", "expr": query} for number, query in enumerate(queries(dashboard))]
        self.check({"groups": [{"name": "dashboard", "rules": records}]})

    def fires(self, rules: dict[str, Any], alert: str, series: dict[str, str], minute: int) -> bool:
        """Whether the alert is on at that minute. Told to expect none, promtool fails when there is one, and shows it.

        Args:
            rules: content of a rule file.
            alert: name of the alert.
            series: metrics with their values in the notation of promtool, one a minute.
            minute: time of the question.
        """
        (self.directory / "rules.yaml").write_text(yaml.safe_dump(rules))
        test = {
            "interval": "1m",
            "input_series": [{"series": name, "values": values} for name, values in series.items()],
            "alert_rule_test": [{"eval_time": f"{minute}m", "alertname": alert, "exp_alerts": []}],
        }
        file = {"rule_files": ["rules.yaml"], "evaluation_interval": "1m", "tests": [test]}
        (self.directory / "test.yaml").write_text(yaml.safe_dump(file))
        done = self.run("test", "rules", "test.yaml")
        output = done.stdout + done.stderr
        assert done.returncode == 0 or f"alertname: {alert}" in output, output
        return done.returncode != 0

    def check_alert(
        self,
        rules: dict[str, Any],
        alert: str,
        healthy: dict[str, str],
        troubled: dict[str, str],
        *,
        minutes: int,
        latest: int,
    ) -> None:
        """Fail unless the alert fires on its trouble, not before, and not without it.

        Args:
            rules: content of a rule file.
            alert: name of the alert.
            healthy: metrics without the trouble, until `latest`.
            troubled: metrics with it.
            minutes: until it fires; 1 or less: at once.
            latest: a minute at which it has to be on.
        """
        assert not self.fires(rules, alert, healthy, latest)
        assert self.fires(rules, alert, troubled, latest)
        assert minutes <= 1 or not self.fires(rules, alert, troubled, minutes - 1)


def with_changes(healthy: Mapping[str, str], changes: Mapping[str, str | None]) -> dict[str, str]:
    """The metrics with those that differ. None: the metric is not there."""
    return {name: value for name, value in {**healthy, **changes}.items() if value is not None}


def beside_another_stack(healthy: Mapping[str, str], changes: Mapping[str, str | None]) -> dict[str, str]:
    """The metrics of a healthy stack, and those of one in the namespace ``other`` with the changes."""
    others = {name.replace("rag-system", "other"): value for name, value in with_changes(healthy, changes).items()}
    return {**healthy, **others}


def queries(dashboard: dict[str, Any]) -> list[str]:
    """Every query of a dashboard."""
    return [target["expr"] for panel in dashboard["panels"] for target in panel.get("targets", [])]


@pytest.fixture(scope="session")
def promtool_program() -> str:
    return shutil.which("promtool") or str(build(PROMTOOL))


@pytest.fixture
def promtool(promtool_program: str, tmp_path: Path) -> Promtool:
    return Promtool(promtool_program, tmp_path)
