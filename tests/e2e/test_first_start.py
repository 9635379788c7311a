"""An empty database and three replicas; then everything that `make verify` checks."""

import pytest

from stackctl.deployed.stack import WEB, Stack, restarts
from stackctl.verify.checks import Check, all_checks
from tests.support.e2e.measurements import RESTARTS, Measurements


def test_three_replicas_start_on_an_empty_database_without_a_restart(stack: Stack, measurements: Measurements) -> None:
    pods = stack.ready(WEB)
    assert len(pods) == 3
    again = sum(map(restarts, pods))
    measurements.add(RESTARTS, str(again))
    assert again == 0


@pytest.mark.parametrize("check", all_checks(), ids=lambda check: check.name)
def test_what_make_verify_checks(stack: Stack, check: Check) -> None:
    assert check.run(stack)


def test_the_image_is_that_of_the_program(stack: Stack) -> None:
    """The pods run the manifests as they were deployed, not changed for the node."""
    [container] = stack.deployment()["spec"]["template"]["spec"]["containers"]
    assert container["image"].startswith("ghcr.io/open-webui/open-webui:v")
    assert container["securityContext"]["readOnlyRootFilesystem"] is True
