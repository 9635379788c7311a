"""Each example of the documentation renders and keeps to the policies of production."""

import pytest

from policy.rules import RULES
from policy.rules.rule import Context, findings
from stack_config.files import StackConfig
from stack_config.load import PROJECT
from stackctl.render.manifests import planned_objects
from tests.support.examples import EXAMPLES, Example, examples


@pytest.mark.parametrize("example", examples(), ids=lambda example: example.name)
def test_an_example_renders_and_keeps_to_the_policies(example: Example) -> None:
    config = example.config({"kubeContext": "any"})
    secrets = {f"{PROJECT}:{key}": value for key, value in example.secret_config.items()}
    with_secrets = StackConfig(values={**config.values, **secrets}, secret_keys=config.secret_keys | secrets.keys())
    objects = planned_objects(with_secrets, example.name)
    assert {"Deployment", "NetworkPolicy", "Secret"} <= {each["kind"] for each in objects}
    assert findings(RULES, objects, Context(production=False)) == []


@pytest.mark.parametrize("example", examples(), ids=lambda example: example.name)
def test_an_example_is_complete(example: Example) -> None:
    """The file has no secrets, the page copies the file and sets the context, the index links to the page."""
    assert example.config({}).secret_keys == frozenset()
    assert f"cp docs/examples/{example.directory.name}/Pulumi.{example.name}.yaml ." in example.page
    assert f"pulumi stack init {example.name}\n" in example.page
    assert "kubeContext" in example.page
    assert f"]({example.directory.name}/README.md)" in (EXAMPLES / "index.md").read_text()


def test_every_directory_is_an_example() -> None:
    # Programs that use the component package have their own tests: tests/engine/test_component_package.py.
    directories = {path.name for path in EXAMPLES.iterdir() if path.is_dir()} - {"component-package"}
    assert directories == {example.directory.name for example in examples()}
    assert {"minimal", "two-regions"} <= directories
    files = set(EXAMPLES.glob("*/Pulumi.*.yaml"))
    assert files == {example.directory / f"Pulumi.{example.name}.yaml" for example in examples()}
