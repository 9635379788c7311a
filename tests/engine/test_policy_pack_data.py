"""`schema/policies.json` says what the pack itself tells the engine, read with the pack's own packages."""

import json
import subprocess
from typing import Any

from stack_config.files import ROOT
from stack_config.policy_data import POLICIES_FILE

DIRECTORY = ROOT / "policy"
READ = """
import json
from rules.pack import policies
print(json.dumps([{
    "name": each.name,
    "description": each.description,
    "enforcementLevel": each.enforcement_level.value,
    "type": "stack" if type(each).__name__ == "StackValidationPolicy" else "resource",
    "remediationSteps": each.remediation_steps,
    "configSchema": each.config_schema and {"type": "object", "properties": each.config_schema.properties},
} for each in policies()]))
"""


def test_the_file_is_what_the_pack_tells_the_engine() -> None:
    python = DIRECTORY / ".venv" / "bin" / "python"
    assert python.exists(), "the pack's packages are missing: make policy/.venv/ready"
    done = subprocess.run([python, "-c", READ], cwd=DIRECTORY, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    listed: list[dict[str, Any]] = json.loads((ROOT / POLICIES_FILE).read_text())["policies"]
    for each in listed:
        # Of these the engine knows nothing.
        del each["kinds"], each["needsEngine"]
    assert json.loads(done.stdout) == listed
