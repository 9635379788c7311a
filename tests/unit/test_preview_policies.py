"""A change that goes against a policy is stopped; what was against one before is not its fault."""

import json
from typing import Any

import pytest

from stackctl.gate.gate import Finding
from stackctl.gate.model import parse
from stackctl.gate.report import report
from tests.support.unit.preview_steps import deployment, step

WEB = "kubernetes:apps/v1:Deployment::web"


def update(before: dict[str, Any], after: dict[str, Any]) -> dict[str, Any]:
    return step("update", WEB, before, after)


def against(*steps: dict[str, Any], production: bool = False, **more: Any) -> list[Finding]:
    """Findings in addition to those of the gate's own rules."""
    seen = report("dev", parse(json.dumps({"steps": list(steps), **more})), production=production)
    return [finding for finding in seen.findings if finding.what.startswith("against a policy")]


def test_what_the_change_brings_is_found_and_no_label_allows_it() -> None:
    [finding] = against(update(deployment(image="x:1"), deployment(image="x:latest")))
    assert finding.resource == "Deployment/web"
    assert finding.what == "against a policy: container web: its image has the tag latest"
    assert (finding.cause, finding.label, finding.allowed) == ("image-version", None, False)
    assert finding.remedy


def test_what_was_so_before_is_not() -> None:
    """The container has neither probes nor limits, before and after."""
    assert against(update(deployment(image="x:1"), deployment(image="x:2"))) == []
    assert against(update(deployment(image="x:latest"), deployment(image="x:latest", replicas=4))) == []


def test_of_a_new_object_everything_is_the_changes() -> None:
    causes = {finding.cause for finding in against(step("create", WEB, after=deployment()))}
    assert {"pod-security-restricted", "resources-set", "probes-set", "network-policies-cover-pods"} <= causes


@pytest.mark.parametrize("hidden", ["[secret]", "04da6b54-80e4-46f7-96ec-b56ff0331ba9"])
def test_what_the_preview_does_not_tell_is_no_violation(hidden: str) -> None:
    assert against(update(deployment(image="x:1"), deployment(image=hidden))) == []
    before, after = deployment(), deployment()
    after["spec"]["template"]["spec"]["containers"] = hidden
    assert against(update(before, after)) == []


def test_rules_that_look_at_everything_are_not_asked_about_half_of_it() -> None:
    steps = [step("create", WEB, after=deployment())]
    assert against(*steps, changeSummary={"create": 1, "same": 30}) == []


def test_production_has_rules_of_its_own() -> None:
    change = update(deployment(replicas=2), deployment(replicas=1))
    assert "production-replicas" not in {finding.cause for finding in against(change)}
    assert "production-replicas" in {finding.cause for finding in against(change, production=True)}
