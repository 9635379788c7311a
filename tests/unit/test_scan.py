"""What `make scan` makes of the scanners' answers: findings, accepted or open, and reasons that nothing needs."""

from pathlib import Path
from typing import Any

import pytest

from stackctl.scan import checkov, kube_score, kubernetes_schemas
from stackctl.scan.accepted import Acceptance, judge, read_accepted, unused
from stackctl.scan.finding import Finding, Scan, ScanError

REASON = "A reason that says what makes up for the rule."


def found(subject: str = "Deployment/redis", rule: str = "one-rule") -> Finding:
    return Finding(subject=subject, rule=rule, what="critical: it is wrong", remedy="mend it")


def scan_with(*findings: Finding, tool: str = "kube-score 1.0") -> Scan:
    return Scan(tool=tool, scope="dev", looked_at=3, findings=findings)


def accepting(rule: str = "one-rule", subject: str = "Deployment/redis", tool: str = "kube-score") -> Acceptance:
    return Acceptance(because=REASON, rules={tool: (rule,)}, subjects=(subject,))


@pytest.mark.parametrize(
    ("acceptance", "count"),
    [
        (accepting(), 0),
        (accepting(subject="Deployment/*"), 0),
        (accepting(subject="StatefulSet/*"), 1),
        (accepting(rule="another-rule"), 1),
        (accepting(tool="checkov"), 1),
    ],
)
def test_only_what_is_named_is_accepted(acceptance: Acceptance, count: int) -> None:
    judged = judge(scan_with(found()), [acceptance])
    assert (len(judged.open), judged.accepted) == (count, 1 - count)


def test_what_nothing_needs_any_more_is_named() -> None:
    acceptance = Acceptance(
        because=REASON, rules={"kube-score": ("one-rule", "gone")}, subjects=("Deployment/redis", "Deployment/gone")
    )
    assert unused([scan_with(found())], [acceptance]) == ["kube-score gone", "Deployment/gone"]
    assert unused([], [accepting()]) == ["kube-score one-rule", "Deployment/redis"]


@pytest.mark.parametrize(
    "text",
    [
        "- rules: {kube-score: [a]}\n  subjects: [b]\n",
        "- because: no\n  rules: {kube-score: [a]}\n  subjects: [b]\n",
        f"- because: {REASON}\n  rules: {{}}\n  subjects: [b]\n",
        f"- because: {REASON}\n  rules: {{kube-score: [a]}}\n  subjects: []\n",
        f"- because: {REASON}\n  rules: {{kube-score: [a]}}\n  subjects: [b]\n  until: never\n",
        "- {",
    ],
)
def test_an_acceptance_without_reason_rule_or_object_is_refused(text: str, tmp_path: Path) -> None:
    (tmp_path / "accepted.yaml").write_text(text)
    with pytest.raises(ScanError, match=r"accepted\.yaml"):
        read_accepted(tmp_path / "accepted.yaml")


def test_no_rule_is_accepted_for_every_object() -> None:
    assert [a.rules for a in read_accepted() if "*" in a.subjects or "*/*" in a.subjects] == []


def scored(grade: int, *, skipped: bool = False) -> dict[str, Any]:
    return {
        "type_meta": {"kind": "Deployment", "apiVersion": "apps/v1"},
        "object_meta": {"name": "redis"},
        "checks": [
            {
                "check": {"id": "one-rule", "comment": "Makes sure of it"},
                "grade": grade,
                "skipped": skipped,
                "comments": [{"path": "redis", "summary": "It is wrong", "description": "Mend it."}],
            }
        ],
    }


@pytest.mark.parametrize(("grade", "what"), [(1, "critical"), (5, "warning")])
def test_kube_score_criticals_and_warnings_are_findings(grade: int, what: str) -> None:
    finding = Finding(
        subject="Deployment/redis", rule="one-rule", what=f"{what}: redis: It is wrong", remedy="Mend it."
    )
    assert kube_score.read("dev", [scored(grade)]).findings == (finding,)


@pytest.mark.parametrize("thing", [scored(10), scored(7), scored(1, skipped=True)])
def test_kube_score_good_and_skipped_checks_are_none(thing: dict[str, Any]) -> None:
    assert kube_score.read("dev", [thing]).findings == ()


SUMMARY = {"passed": 3, "failed": 1, "skipped": 0, "parsing_errors": 0, "resource_count": 2, "checkov_version": "3"}


def test_checkov_failed_checks_are_findings() -> None:
    failed = {"check_id": "CKV_1", "check_name": "Be good", "resource": "Deployment.rag.a.b", "guideline": None}
    scan = checkov.read("dev", {"summary": SUMMARY, "results": {"failed_checks": [failed]}})
    assert scan.findings == (Finding(subject="Deployment/a.b", rule="CKV_1", what="Be good", remedy=""),)
    assert (scan.name, scan.looked_at) == ("checkov", 2)


@pytest.mark.parametrize(
    "report",
    [
        {"passed": 0, "failed": 0, "resource_count": 0, "checkov_version": "3"},
        {"summary": {**SUMMARY, "passed": 0, "failed": 0}},
        {"summary": {**SUMMARY, "parsing_errors": 1}},
    ],
)
def test_a_scanner_that_read_nothing_or_not_all_has_failed(report: dict[str, Any]) -> None:
    with pytest.raises(ScanError):
        checkov.read("dev", report)
    with pytest.raises(ScanError):
        kube_score.read("dev", [])


def test_schema_errors_and_missing_schemas_are_findings(tmp_path: Path) -> None:
    file = tmp_path / "prometheusrule-redis.yaml"
    file.write_text("kind: PrometheusRule\nmetadata: {name: redis}\n")
    lines = [
        f"ERROR {file} did not validate for resource prometheusrule/redis against version 1.36: spec: no 'x'",
        f"WARN {file} Couldn't find schema for kind PrometheusRule",
    ]
    findings = kubernetes_schemas.read(lines, [file])
    assert [(finding.subject, finding.rule) for finding in findings] == [
        ("PrometheusRule/redis", "schema"),
        ("PrometheusRule/redis", "no-schema"),
    ]
    assert findings[0].what == "1.36: spec: no 'x'"


def test_an_answer_that_is_not_understood_is_no_pass() -> None:
    with pytest.raises(ScanError, match="FATAL"):
        kubernetes_schemas.read(["FATAL kubernetes-validate does not support it"], [])


def test_the_newest_versions_are_compared_as_numbers() -> None:
    assert kubernetes_schemas.newest(["1.9.0", "1.10.0", "1.8.0", "1.10.0", "1.11.0"]) == ["1.9", "1.10", "1.11"]
    with pytest.raises(ScanError):
        kubernetes_schemas.newest(["1.36.0", "1.37.0"])
