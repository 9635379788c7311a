"""The policies as data: `schema/policies.json`, and the table of docs/policies.md.

Other tools can read what the policy pack requires without running it.
"""

import json
from pathlib import PurePath
from typing import Any

from policy.rules import PACK, RULES, config_properties
from policy.rules.objects import LONG_RUNNING, WITH_PODS
from policy.rules.production import PROTECTION
from policy.rules.rule import EVERY_KIND, Definition, StackRule

from .cli_yaml import load_yaml
from .files import ROOT

POLICIES_FILE = PurePath("schema/policies.json")
TABLE_START = "<!-- policies: python -m stack_config.config_docs -->\n"
TABLE_END = "<!-- end of policies -->\n"

_POD_KINDS = {WITH_PODS: "pods", (*LONG_RUNNING, "Pod"): "pods that keep running"}
_POLICIES: tuple[Definition, ...] = (*RULES, PROTECTION)


def policies_text() -> str:
    """The contents of `schema/policies.json`. The names of the members are those of Pulumi's own metadata where it has
    them."""
    project = load_yaml(ROOT / "policy" / "PulumiPolicy.yaml")
    pack = {
        "name": PACK,
        "version": project["version"],
        "description": project["description"],
        "policies": [_policy(each) for each in _POLICIES],
    }
    return json.dumps(pack, indent=2) + "\n"


def policy_table() -> str:
    """The table of docs/policies.md."""
    rows = ["| Policy | Level | Looks at | Requirement |", "|---|---|---|---|"]
    rows += [f"| `{each.name}` | {each.level.value} | {_kinds(each)} | {each.description} |" for each in _POLICIES]
    return "\n".join(rows) + "\n"


def _policy(definition: Definition) -> dict[str, Any]:
    properties = config_properties(definition)
    return {
        "name": definition.name,
        "description": definition.description,
        "enforcementLevel": definition.level.value,
        "type": "stack" if isinstance(definition, StackRule) else "resource",
        "kinds": list(definition.kinds),
        "remediationSteps": definition.remedy,
        "configSchema": {"type": "object", "properties": properties} if properties else None,
        "needsEngine": definition not in RULES,
    }


def _kinds(definition: Definition) -> str:
    if definition.kinds == EVERY_KIND:
        return "every object"
    pods = [text for kinds, text in _POD_KINDS.items() if set(kinds) <= set(definition.kinds)][:1]
    others = [each for each in definition.kinds if not pods or each not in WITH_PODS]
    return ", ".join([*pods, *others])
