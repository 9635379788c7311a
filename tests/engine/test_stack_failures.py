"""Updates that cannot succeed: they say why, lose nothing, and the next one goes on."""

from pathlib import Path

import pytest

from tests.support.engine.stack import Namespace, Stack, StackFactory
from tests.support.engine.unreachable_cluster import unreachable

pytest_plugins = ("tests.support.engine.stack_fixtures",)

WRONG: dict[str, str] = {
    "redis.maxmemry=1gb": "did you mean redis.maxmemory?",
    "redis.maxmemory=lots": "redis.maxmemory",
    "openWebui.replicas=0": "integer from 1 to 100",
    "namespace=kube-system": "not `default` or `kube-...`",
    "openaiApiKey=sk-in-plain-text": "pulumi config set --secret openaiApiKey",
    "openWebui.openaiApiBaseUrl=https://models.example.com/v1": "the secret openaiApiKey is missing",
}


@pytest.fixture(scope="module")
def never_deployed(new_stack: StackFactory) -> Stack:
    return new_stack("dev", "namespace=never-deployed")


@pytest.mark.parametrize("assignment", WRONG)
def test_wrong_config_is_refused_before_anything_is_registered(never_deployed: Stack, assignment: str) -> None:
    for command in (never_deployed.preview, never_deployed.up):
        run = command(assignment, fails=True)
        assert WRONG[assignment] in run.error
        assert "pulumi config" in run.error, "how to fix it"
        assert "sk-in-plain-text" not in run.error
        assert run.registered <= {"Stack open-webui-stack-dev"}
    assert not Namespace(never_deployed.cluster, "never-deployed").exists()


def test_all_errors_are_in_one_report(never_deployed: Stack) -> None:
    run = never_deployed.up("redis.maxmemry=1gb", "openWebui.replicas=0", "namespace=RAG", fails=True)
    assert "3 problems; nothing was changed" in run.error
    for mistake in ("redis.maxmemry", "openWebui.replicas", "namespace"):
        assert f"\n{mistake}: " in run.error


def test_wrong_config_leaves_what_is_deployed_alone(base: Stack, live: Namespace) -> None:
    identities, state = live.identities(), base.state()["resources"]
    base.up("openWebui.replicas=0", fails=True)
    assert live.identities() == identities
    assert [resource["urn"] for resource in base.state()["resources"]] == [resource["urn"] for resource in state]


def test_a_namespace_that_exists_is_left_alone_until_it_is_gone(new_stack: StackFactory) -> None:
    stack = new_stack("dev", "namespace=taken")
    taken = Namespace(stack.cluster, "taken")
    taken.core.create_namespace({"metadata": {"name": "taken", "labels": {"owner": "somebody"}}})

    run = stack.up(fails=True)
    assert 'namespaces "taken" already exists' in run.error
    assert taken.core.read_namespace("taken").metadata.labels["owner"] == "somebody"
    assert taken.secrets() == {}
    generated = passwords(stack)

    taken.core.delete_namespace("taken")
    taken.wait_until_gone()
    stack.up()
    assert passwords(stack).items() >= generated.items(), "what had been done before is kept"
    assert len(taken.pods()) == 5
    assert stack.preview().changes == set()


def passwords(stack: Stack) -> dict[str, str]:
    """Identifiers of the generated secrets in the state, encrypted as they are."""
    return {
        name: resource["outputs"]["result"]["ciphertext"]
        for name, resource in stack.resources().items()
        if name.startswith("RandomPassword ")
    }


def test_an_unreachable_cluster_is_named_and_no_harm_is_done(new_stack: StackFactory, tmp_path: Path) -> None:
    stack = new_stack("dev", "namespace=late")
    reachable = stack.cluster
    stack.use(unreachable(reachable, tmp_path))
    assert "create Deployment open-webui" in stack.preview().changes
    run = stack.up(fails=True)
    assert "unreachable" in run.error
    assert "127.0.0.1:1" in run.error

    stack.use(reachable)
    stack.up()
    assert len(Namespace(reachable, "late").pods()) == 5
    assert stack.preview().changes == set()
