"""`python -m scripts.draw_diagrams [--check]`: draws docs/diagrams/*.yaml as docs/images/*.svg.

GitHub and the documentation site show them without JavaScript or a download.
"""

import sys
from pathlib import Path

import yaml

from stack_config.files import ROOT
from stack_config.generated_files import write_or_check
from stackctl.diagram import draw

DIAGRAMS = ROOT / "docs" / "diagrams"
IMAGES = ROOT / "docs" / "images"


def drawings() -> dict[Path, str]:
    """Every image with its contents, from the diagrams of the repository."""
    sources = sorted(DIAGRAMS.glob("*.yaml"))
    return {IMAGES / f"{source.stem}.svg": draw(yaml.safe_load(source.read_text())) for source in sources}


if __name__ == "__main__":
    sys.exit(write_or_check(drawings(), check="--check" in sys.argv[1:], command="make docs"))
