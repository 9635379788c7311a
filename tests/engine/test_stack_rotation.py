"""A rotated secret reaches what uses it, by a rolling update, and nothing else is touched."""

from dataclasses import dataclass

import pytest

from tests.engine.stack import Namespace, Stack

pytest_plugins = ("tests.engine.stack_fixtures",)


@dataclass(frozen=True, kw_only=True)
class Rotation:
    """What one more rotation of a secret means."""

    created: set[str]
    """Generated values, without their number."""

    updated: set[str]
    rolled: set[str]
    outputs: set[str]
    """Outputs that are others afterwards."""


ROTATIONS = {
    "redis": Rotation(
        created={"RandomPassword redis-password"},
        # Not Redis: the running server loads the new password.
        updated={"Secret redis-config", "Secret redis-acl", "Deployment open-webui"},
        rolled={"open-webui"},
        outputs={"redis_cache_url", "redis_websocket_url"},
    ),
    "postgresql": Rotation(
        created={"RandomPassword postgresql-password"},
        updated={"Secret postgresql-secret", "StatefulSet postgres", "Deployment open-webui"},
        rolled={"postgres", "open-webui"},
        outputs={"database_url"},
    ),
    "openWebui": Rotation(
        created={"RandomPassword openwebui-secret-key"},
        updated={"Secret openwebui-secret", "Deployment open-webui"},
        rolled={"open-webui"},
        outputs=set(),
    ),
}


@pytest.mark.parametrize("name", ROTATIONS)
def test_a_rotation_reaches_its_consumers_only(base: Stack, live: Namespace, name: str) -> None:
    expected = ROTATIONS[name]
    number = base.config().get("open-webui-stack:rotate", {}).get(name, 1) + 1
    created = {f"create {resource}-{number}" for resource in expected.created}
    updated = {f"update {resource}" for resource in expected.updated}
    outputs, revisions, identities, secrets = base.outputs(), live.revisions(), live.identities(), live.secrets()

    assert base.preview(f"rotate.{name}={number}").changes == created | updated
    assert base.keep(f"rotate.{name}={number}").changes == created | updated

    assert {app for app, revision in live.revisions().items() if revision != revisions[app]} == expected.rolled
    assert {key for key, value in base.outputs().items() if value != outputs[key]} == expected.outputs
    assert live.identities() == identities, "an object was replaced"
    changed = {key for key, contents in live.secrets().items() if contents != secrets[key]}
    assert changed == {resource.removeprefix("Secret ") for resource in expected.updated if "Secret" in resource}
    assert live.refusals() == [], "the quota has no room for a rolling update"
    assert base.preview().changes == set()
