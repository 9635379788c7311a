"""A rotated secret reaches what uses it, by a rolling update, and nothing else is touched."""

from dataclasses import dataclass

import pytest

from tests.support.engine.stack import Namespace, Stack

pytest_plugins = ("tests.support.engine.stack_fixtures",)


@dataclass(frozen=True, kw_only=True)
class Rotation:
    """What one more rotation of a secret means."""

    created: set[str]
    """Generated values, without their number."""

    updated: set[str]
    rolled: set[str]
    outputs: set[str]
    """Outputs that are others afterwards."""

    replaced: frozenset[str] = frozenset()
    """The Job that asks again whether the web pods can start, where it reads the Secret."""


ROTATIONS = {
    "redis": Rotation(
        created={"RandomPassword redis-password"},
        # Not Redis: the running server loads the new password.
        updated={"Secret redis-config", "Secret redis-acl", "Deployment open-webui"},
        rolled={"open-webui"},
        outputs={"redis_cache_url", "redis_websocket_url"},
    ),
    "postgresql": Rotation(
        created={
            "RandomPassword postgresql-password",
            "RandomPassword postgresql-client-password",
            "RandomPassword postgresql-backup-password",
        },
        # Not PostgreSQL: the running server loads the new passwords.
        updated={"Secret postgresql-secret", "Secret postgres-roles", "Deployment open-webui"},
        rolled={"open-webui"},
        outputs={"database_url"},
        replaced=frozenset({"Job open-webui-preflight"}),
    ),
    "openWebui": Rotation(
        created={"RandomPassword openwebui-secret-key"},
        updated={"Secret openwebui-secret", "Deployment open-webui"},
        rolled={"open-webui"},
        outputs=set(),
        replaced=frozenset({"Job open-webui-preflight"}),
    ),
}


@pytest.mark.parametrize("name", ROTATIONS)
def test_a_rotation_reaches_its_consumers_only(base: Stack, live: Namespace, name: str) -> None:
    expected = ROTATIONS[name]
    number = base.config().get("open-webui-stack:rotate", {}).get(name, 1) + 1
    created = {f"create {resource}-{number}" for resource in expected.created}
    updated = {f"update {resource}" for resource in expected.updated}
    outputs, revisions, identities, secrets = base.outputs(), live.revisions(), live.identities(), live.secrets()

    steps = ("delete-replaced", "create-replacement")
    replaced = {f"{step} {resource}" for step in steps for resource in expected.replaced}

    assert base.preview(f"rotate.{name}={number}").changes == created | updated | replaced
    assert base.keep(f"rotate.{name}={number}").changes == created | updated | replaced

    assert {app for app, revision in live.revisions().items() if revision != revisions[app]} == expected.rolled
    assert {key for key, value in base.outputs().items() if value != outputs[key]} == expected.outputs
    assert {item for item, uid in live.identities().items() if uid != identities[item]} == expected.replaced
    changed = {key for key, contents in live.secrets().items() if contents != secrets[key]}
    assert changed == {resource.removeprefix("Secret ") for resource in expected.updated if "Secret" in resource}
    assert live.refusals() == [], "the quota has no room for a rolling update"
    assert base.preview().changes == set()
