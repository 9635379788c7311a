"""Each scanner finds what is wrong in a rendered object or in a workflow, so that its silence says something."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from stackctl.render.manifests import render
from stackctl.scan import checkov, kube_score, kubernetes_schemas, workflow_checks
from stackctl.scan.finding import ScanError


@pytest.fixture
def manifests(tmp_path: Path) -> list[Path]:
    return render("dev", tmp_path / "manifests")


def change(files: list[Path], name: str, edit: Callable[[dict[str, Any]], None]) -> None:
    file = next(file for file in files if file.name == name)
    manifest = yaml.safe_load(file.read_text())
    edit(manifest)
    file.write_text(yaml.safe_dump(manifest))


def without_resources(manifest: dict[str, Any]) -> None:
    del manifest["spec"]["template"]["spec"]["containers"][0]["resources"]


def privileged(manifest: dict[str, Any]) -> None:
    manifest["spec"]["template"]["spec"]["containers"][0]["securityContext"]["privileged"] = True


def with_unknown_field(manifest: dict[str, Any]) -> None:
    manifest["spec"]["replica"] = 3


def test_kube_score_finds_missing_resources(manifests: list[Path]) -> None:
    change(manifests, "deployment-redis.yaml", without_resources)
    rules = {(finding.subject, finding.rule) for finding in kube_score.scan("dev", manifests).findings}
    assert ("Deployment/redis", "container-resources") in rules
    assert ("StatefulSet/postgres", "container-resources") not in rules


def test_checkov_finds_a_privileged_container(manifests: list[Path]) -> None:
    change(manifests, "deployment-redis.yaml", privileged)
    rules = {(finding.subject, finding.rule) for finding in checkov.scan("dev", manifests[0].parent).findings}
    assert ("Deployment/redis", "CKV_K8S_16") in rules
    assert ("StatefulSet/postgres", "CKV_K8S_16") not in rules


def test_every_one_of_three_versions_finds_an_unknown_field(manifests: list[Path]) -> None:
    change(manifests, "deployment-redis.yaml", with_unknown_field)
    findings = kubernetes_schemas.scan("dev", manifests).findings
    assert [finding.subject for finding in findings] == ["Deployment/redis"] * 3
    assert len({finding.what.partition(":")[0] for finding in findings}) == 3
    assert all("replica" in finding.what for finding in findings)


def test_a_kind_without_a_schema_is_no_pass(tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    file.write_text("apiVersion: example.com/v1\nkind: Strange\nmetadata: {name: a}\n")
    assert [finding.rule for finding in kubernetes_schemas.scan("dev", [file]).findings] == ["no-schema"] * 3


WORKFLOW = """\
on: pull_request
permissions: {}
jobs:
  one:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v6
      - run: echo ${{ github.event.pull_request.title }}
        nothing: 1
"""


def test_both_workflow_checks_find_something(tmp_path: Path) -> None:
    directory = tmp_path / ".github" / "workflows"
    directory.mkdir(parents=True)
    (directory / "one.yml").write_text(WORKFLOW)
    actionlint, zizmor = workflow_checks.scan(tmp_path)
    assert ("one.yml:9", "syntax-check") in {(f.subject, f.rule) for f in actionlint.findings}
    assert {"unpinned-uses", "artipacked", "template-injection"} <= {finding.rule for finding in zizmor.findings}
    assert all(finding.subject.startswith("one.yml:") for finding in zizmor.findings)


def test_no_workflow_is_no_pass(tmp_path: Path) -> None:
    with pytest.raises(ScanError, match="no workflow"):
        workflow_checks.scan(tmp_path)
