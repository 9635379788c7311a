"""The key of encrypted data stays the one that a stack had when it was first kept, whatever the signing key becomes."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from components.open_webui import component, environment
from components.open_webui.encryption_keys import ENCRYPTION_VARIABLES, encryption_keys
from tests.support.engine.stack import PREFLIGHT_AGAIN, Namespace, Stack, StackFactory

pytest_plugins = ("tests.support.engine.stack_fixtures",)

NAMESPACE = "encryption-keys"
SECRET = "openwebui-secret"
"""A Job that asks again when the pods' variables or Secrets change."""


@contextmanager
def before_the_keys() -> Iterator[None]:
    """The program as it was before it knew these keys: neither resource nor Secret nor variable."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(component, "ENCRYPTION_VARIABLES", {})
        patch.setattr(environment, "ENCRYPTION_VARIABLES", {})
        patch.setattr(component, "kept_key", lambda signing_key, _opts: signing_key)
        yield


@pytest.fixture(scope="module")
def old(new_stack: StackFactory) -> Iterator[Stack]:
    """A stack from before, whose signing key was rotated once."""
    stack = new_stack("dev", f"namespace={NAMESPACE}", "rotate.openWebui=2")
    with before_the_keys():
        stack.up()
    yield stack
    stack.destroy()


@pytest.fixture(scope="module")
def live(old: Stack) -> Namespace:
    return Namespace(old.cluster, NAMESPACE)


def keys(contents: dict[str, str]) -> dict[str, str]:
    return {variable: contents[key] for variable, key in ENCRYPTION_VARIABLES.items()}


def test_an_update_keeps_the_current_signing_key_and_a_rotation_leaves_it_alone(old: Stack, live: Namespace) -> None:
    before, identities = live.secret(SECRET), live.identities()
    assert set(before) == {"secret-key"}
    assert "Stash openwebui-encryption-key" not in old.resources()

    update = {
        "create Stash openwebui-encryption-key",
        f"update Secret {SECRET}",
        *PREFLIGHT_AGAIN,
        "update Deployment open-webui",
    }
    assert old.preview().changes == update
    assert old.up().changes == update
    updated = live.secret(SECRET)
    assert updated["secret-key"] == before["secret-key"]
    assert keys(updated) == encryption_keys(before["secret-key"])
    assert old.preview().changes == set()

    rotation = {
        *PREFLIGHT_AGAIN,
        "create RandomPassword openwebui-secret-key-3",
        f"update Secret {SECRET}",
        "update Deployment open-webui",
    }
    assert old.preview("rotate.openWebui=3").changes == rotation
    assert old.keep("rotate.openWebui=3").changes == rotation
    rotated = live.secret(SECRET)
    assert rotated["secret-key"] != before["secret-key"]
    assert keys(rotated) == keys(updated)

    old.refresh()
    assert old.preview().changes == set()
    replaced = {name for name, uid in live.identities().items() if uid != identities[name]}
    assert replaced == {"Job open-webui-preflight"}
    values = {*rotated.values(), *updated.values()}
    for text in (old.pulumi("stack", "export"), *old.transcript):
        assert not any(value in text for value in values)
