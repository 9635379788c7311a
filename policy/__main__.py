"""The policy pack: `pulumi preview --policy-pack policy`."""

from pulumi_policy import EnforcementLevel, PolicyPack

# The engine runs this directory as a program of its own: `rules` is next to this file, wherever the pack was put.
from rules import PACK  # type: ignore[import-not-found]
from rules.pack import policies  # type: ignore[import-not-found]

PolicyPack(name=PACK, enforcement_level=EnforcementLevel.MANDATORY, policies=policies())
