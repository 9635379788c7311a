"""Both environments, run once for all tests that only read them.

Nothing heavy is imported here: the process that waits for the workers of xdist loads this file before it starts them.
"""

from __future__ import annotations

import gc
import os
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.support.unit.command_line import CommandLine
    from tests.support.unit.recording import Recording

# Texts are compared as they are without colours.
os.environ.pop("FORCE_COLOR", None)

ENVIRONMENTS = ("dev", "prod")


def pytest_collection() -> None:
    """Before the test modules are imported: their settings start from the profile."""
    from hypothesis import HealthCheck, settings

    # How long an example takes is the machine's affair, and this one may be busy.
    settings.register_profile(
        "unit",
        settings.get_profile(settings.get_current_profile_name()),
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow],
    )
    settings.load_profile("unit")


def pytest_collection_finish() -> None:
    # No search for cycles has to look at the SDKs again.
    gc.freeze()


@pytest.fixture(scope="session")
def recordings() -> dict[str, Recording]:
    """The whole program, once for each environment."""
    from tests.support.unit.recording import run

    return {environment: run(environment) for environment in ENVIRONMENTS}


@pytest.fixture(params=ENVIRONMENTS)
def recording(request: pytest.FixtureRequest, recordings: dict[str, Recording]) -> Recording:
    """The whole program in each environment."""
    return recordings[request.param]


@pytest.fixture
def dev(recordings: dict[str, Recording]) -> Recording:
    return recordings["dev"]


@pytest.fixture
def prod(recordings: dict[str, Recording]) -> Recording:
    return recordings["prod"]


@pytest.fixture
def stackctl(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> CommandLine:
    """Runs commands of `stackctl` in this process."""
    from tests.support.unit.command_line import CommandLine

    return CommandLine(monkeypatch, capsys)
