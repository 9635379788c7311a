"""The policies on rendered manifests, without engine or cluster."""

from collections.abc import Iterable
from pathlib import Path

import yaml

from policy.rules import PRODUCTION, RULES
from policy.rules.rule import Context, Finding, findings
from stack_config.libyaml import SafeLoader


def check(files: Iterable[Path], environment: str) -> list[Finding]:
    """What the policies find wrong with the objects in the files.

    Not checked: protection, which is no part of an object. The policy pack checks it.

    Args:
        files: YAML, any number of objects in each.
        environment: its name; decides whether the rules of production are kept.
    """
    objects = [item for file in files for item in yaml.load_all(file.read_text(), SafeLoader) if item]
    return findings(RULES, objects, Context(production=environment in PRODUCTION))
