"""The policies on rendered manifests, without engine or cluster."""

from collections.abc import Iterable
from pathlib import Path

import yaml

from policy.rules import PRODUCTION, RULES
from policy.rules.rule import Context, Finding, findings
from stack_config.libyaml import SafeLoader


def check(files: Iterable[Path], environment: str) -> list[Finding]:
    """Violations of the policies in the objects of the files.

    Protection is not part of an object: only the policy pack checks it.

    Args:
        files: YAML, with any number of objects.
        environment: its name; decides whether the rules of production apply.
    """
    objects = [item for file in files for item in yaml.load_all(file.read_text(), SafeLoader) if item]
    return findings(RULES, objects, Context(production=environment in PRODUCTION))
