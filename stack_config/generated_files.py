"""Files of the repository that a program generates: written, or compared with what is there."""

import sys
from collections.abc import Mapping
from pathlib import Path

from .files import ROOT


def write_or_check(files: Mapping[Path, str], *, check: bool, command: str) -> int:
    """Write the files whose contents differ, or only name them.

    Args:
        files: paths below the repository's root, and their contents.
        check: write nothing.
        command: what writes them, for the message.

    Returns:
        Exit code: 1 when `check` finds a file that is not current, else 0.
    """
    differing = {path: text for path, text in files.items() if not path.exists() or path.read_text() != text}
    for path, text in differing.items():
        if check:
            print(f"{path.relative_to(ROOT)} is not current; run: {command}", file=sys.stderr)
        else:
            path.write_text(text)
            print(f"wrote {path.relative_to(ROOT)}")
    return 1 if check and differing else 0
