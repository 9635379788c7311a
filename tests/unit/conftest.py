"""Both environments, run once for all tests that only read them."""

import gc
import os

import pytest
from hypothesis import HealthCheck, settings

from .recording import Recording, run

# Texts are compared as they are without colours.
os.environ.pop("FORCE_COLOR", None)

# How long an example takes is the machine's affair, and this one may be busy.
settings.register_profile(
    "unit",
    settings.get_profile(settings.get_current_profile_name()),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("unit")

# The Kubernetes SDK is half a million objects that live to the end: no collection has to look at them again.
gc.freeze()
# A run of the program makes and drops some ten thousand; looking for cycles after every 700 takes a fifth of its time.
gc.set_threshold(100_000, 50, 50)

ENVIRONMENTS = ("dev", "prod")


@pytest.fixture(scope="session")
def recordings() -> dict[str, Recording]:
    """The whole program, once for each environment."""
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
