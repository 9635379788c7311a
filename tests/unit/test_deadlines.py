"""Every deadline of an update is longer than the steps that it encloses."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.open_webui.deadlines import (
    DATABASE_WAIT_SECONDS,
    IMAGE_SECONDS,
    PREFLIGHT_WAIT_SECONDS,
    REDIS_WAIT_SECONDS,
    STARTUP_SECONDS,
    Deadlines,
)
from tests.support.unit.recording import Recording, run


def seconds(text: str) -> int:
    """A duration as Pulumi takes it: ``900s``."""
    match = re.fullmatch(r"(\d+)s", text)
    assert match, text
    return int(match[1])


@pytest.mark.parametrize("migration", [60, 1800, 7200])
@pytest.mark.parametrize("environment", ["dev", "prod"])
def test_the_deadlines_of_the_objects_enclose_what_their_containers_may_take(environment: str, migration: int) -> None:
    deployed = run(environment, [f"openWebui.migrationSeconds={migration}"])
    waits = environment_of(deployed, "open-webui/migrate")
    probe = deployed.containers["open-webui/open-webui"]["startupProbe"]
    server = probe["periodSeconds"] * probe["failureThreshold"]
    deployment = deployed.one("Deployment", "open-webui")
    start = sum(
        int(waits[f"{step}_SECONDS"]) for step in ("MIGRATE_REDIS_WAIT", "MIGRATE_DATABASE_WAIT", "MIGRATE_RUN")
    )
    start += server + deployment.inputs["spec"]["minReadySeconds"]

    assert int(waits["MIGRATE_RUN_SECONDS"]) == migration < int(waits["MIGRATE_LOCK_WAIT_SECONDS"])
    progress = deployment.inputs["spec"]["progressDeadlineSeconds"]
    timeouts = deployment.custom_timeouts
    assert start + IMAGE_SECONDS < progress < seconds(timeouts["create"]) < seconds(timeouts["update"])

    job = deployed.one("Job", "open-webui-preflight")
    patience = int(environment_of(deployed, "open-webui-preflight/preflight")["PREFLIGHT_WAIT_SECONDS"])
    active = job.inputs["spec"]["activeDeadlineSeconds"]
    assert IMAGE_SECONDS + 2 * patience < active < seconds(job.custom_timeouts["create"])


def environment_of(deployed: Recording, container: str) -> dict[str, str]:
    """The plain variables of a container."""
    return {v["name"]: v["value"] for v in deployed.containers[container]["env"] if "value" in v}


@given(migration=st.integers(60, 86_400), replicas=st.integers(1, 100), handover=st.sampled_from([0, 180, 1860]))
def test_each_deadline_is_longer_than_what_it_encloses(migration: int, replicas: int, handover: int) -> None:
    deadlines = Deadlines(migration=migration, replicas=replicas, handover=handover)
    # In a handover the import is waited for separately.
    change = migration if not handover else migration + handover + migration
    assert deadlines.lock_wait > change
    steps = IMAGE_SECONDS + REDIS_WAIT_SECONDS + DATABASE_WAIT_SECONDS + change + STARTUP_SECONDS
    assert steps < deadlines.progress < deadlines.create < deadlines.update
    # After the first pod nothing is migrated any more: each further one needs its image and its start.
    assert deadlines.update - deadlines.create >= (replicas - 1) * (IMAGE_SECONDS + STARTUP_SECONDS)
    assert IMAGE_SECONDS + 2 * PREFLIGHT_WAIT_SECONDS < deadlines.preflight < deadlines.preflight_create
