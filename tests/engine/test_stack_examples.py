"""Each example of the documentation deploys, and a second preview shows no changes."""

import pytest

from tests.support.engine.definitions import served
from tests.support.engine.slow_tier import slow
from tests.support.engine.stack import Namespace, StackFactory
from tests.support.examples import Example, examples

pytest_plugins = ("tests.support.engine.stack_fixtures",)

ALWAYS = {
    "cloudnative-pg",
    "documents",
    "external-everything",
    "gateway",
    "minimal",
    "ollama-gpu",
    "openshift",
    "pulumi-kubernetes-operator",
    "two-regions-east",
}
"""Together they have every kind of object of the examples but `Middleware` (test_stack_retries.py). The rest waits for
``make test-engine ALL=1``: tests/unit/test_examples.py renders it in every run."""


@pytest.mark.parametrize(
    "example",
    [pytest.param(each, id=each.name, marks=() if each.name in ALWAYS else slow) for each in examples()],
)
def test_an_example_deploys(example: Example, new_stack: StackFactory) -> None:
    namespace = f"example-{example.name}"
    stack = new_stack(example.name, f"namespace={namespace}", secrets=example.secrets, stack_files=example.directory)
    live = Namespace(stack.cluster, namespace)
    with served(stack.cluster, example.kinds):
        try:
            if not example.settings.create_namespace:
                live.core.create_namespace({"metadata": {"name": namespace}})
                for name, contents in example.existing_secrets.items():
                    live.core.create_namespaced_secret(namespace, {"metadata": {"name": name}, "stringData": contents})
            stack.up()
            # Of a namespace that the stack creates: real pods would wait for them, as the update warns.
            for name, contents in example.existing_config_maps.items():
                live.core.create_namespaced_config_map(namespace, {"metadata": {"name": name}, "data": contents})
            assert stack.preview(refresh=True).changes == set()
            assert live.refusals() == []
            assert live.pods("open-webui")
        finally:
            stack.keep("protect=false")
            stack.destroy()
            if live.exists():
                live.core.delete_namespace(namespace)
