"""Places in a config for the paths of `config_keys`: a name and an index where a path has `<name>` and `[]`."""

from typing import Any

from pulumi_values import property_paths
from stack_config.keys import ELEMENT, NAME


def concrete(path: str) -> str:
    """A path of the config for that of a key: `models.openai.one.url` for `models.openai.<name>.url`."""
    return path.replace(NAME, "one").replace(ELEMENT, "[0]")


def nested(path: str, value: object) -> dict[str, Any]:
    """A config that has the value at the path, and nothing else."""
    whole: Any = value
    for step in reversed(property_paths.parse(concrete(path))):
        whole = [whole] if isinstance(step, int) else {step: whole}
    assert isinstance(whole, dict)
    return whole
