"""The objects of the stack as they would be deployed, without engine or cluster."""

from functools import cache
from typing import Any, Protocol

import pytest

from stack_config.files import read_stack
from stackctl.render.manifests import planned_objects

Manifest = dict[str, Any]


class Find(Protocol):
    """Function of environment, kind and name: that object as it would be deployed, with these config keys set."""

    def __call__(self, environment: str, kind: str, name: str, sets: tuple[str, ...] = ()) -> Manifest: ...


@cache
def _objects(environment: str, sets: tuple[str, ...]) -> list[Manifest]:
    return planned_objects(read_stack(environment, ["kubeContext=rendered", *sets]), environment)


def rendered(environment: str, kind: str, name: str, sets: tuple[str, ...] = ()) -> Manifest:
    """That object as it would be deployed, with these config keys set."""
    objects = _objects(environment, sets)
    (matching,) = [thing for thing in objects if (thing["kind"], thing["metadata"]["name"]) == (kind, name)]
    return matching


@pytest.fixture(scope="session")
def manifest() -> Find:
    """The objects of the rendered stack."""
    return rendered
