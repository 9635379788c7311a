"""Files that must be in two places, as generated copies of one source.

The policy pack and the scripts in the pods run without the rest of this repository.
"""

from collections.abc import Mapping
from pathlib import Path

SECRET_NAMES = Path("components/blocks/secret_names.py")

COPIES: Mapping[Path, Path] = {
    Path("policy/rules/secret_names.py"): SECRET_NAMES,
    Path("components/open_webui/files/startup/secret_names.py"): SECRET_NAMES,
}
"""Each copy with its source, relative to the root of the repository."""


def generated_copies(root: Path) -> dict[Path, str]:
    """The contents that each copy must have, by its path.

    Args:
        root: directory of the repository.
    """
    return {
        root / copy: f"# Generated from {source} by `make docs`.\n{(root / source).read_text()}"
        for copy, source in COPIES.items()
    }
