"""What the documentation is compared with: the sources, and the targets and variables of the Makefile."""

import re

from stack_config.files import ROOT

ROOMS = ("components", "devcluster", "emulators", "host", "policy", "stack_config", "stackctl", "terminal", "tests")
_PATTERNS = ROOT / "tests" / "unit" / "test_docs.py"
"""Names things that do not exist."""
SOURCES = sorted(
    path
    for top in (".", *ROOMS)
    for path in (ROOT.glob("*.py") if top == "." else (ROOT / top).rglob("*"))
    if path.suffix in (".py", ".sh") and path != _PATTERNS and ".venv" not in path.parts
)


def targets() -> set[str]:
    """Targets of the Makefile that are commands."""
    phony = re.findall(r"^\.PHONY: (.+)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    return {name for names in phony for name in names.split()}


def variables() -> set[str]:
    """Variables of the Makefile that the user may set."""
    return set(re.findall(r"^([A-Z_]+) \?=", (ROOT / "Makefile").read_text(), re.MULTILINE))
