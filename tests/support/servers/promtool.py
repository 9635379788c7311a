"""Rules and queries in the hands of promtool."""

import shutil
import subprocess
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

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run it in the directory."""
        return subprocess.run(
            [self.program, *arguments], cwd=self.directory, capture_output=True, text=True, check=False
        )

    def check(self, rules: dict[str, Any], *options: str) -> None:
        """Fail with promtool's output if it does not accept the rules."""
        (self.directory / "rules.yaml").write_text(yaml.safe_dump(rules))
        done = self.run("check", "rules", *options, "rules.yaml")
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


def queries(dashboard: dict[str, Any]) -> list[str]:
    """Every query of a dashboard."""
    return [target["expr"] for panel in dashboard["panels"] for target in panel.get("targets", [])]


@pytest.fixture(scope="session")
def promtool_program() -> str:
    return shutil.which("promtool") or str(build(PROMTOOL))


@pytest.fixture
def promtool(promtool_program: str, tmp_path: Path) -> Promtool:
    return Promtool(promtool_program, tmp_path)
