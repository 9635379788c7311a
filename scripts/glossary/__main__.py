"""`python -m scripts.glossary [PATH...]`: report the words that the glossary replaces. Exit status 1 if there are any.

It checks the files that git tracks, below the paths or all of them, except those that `[tool.glossary]` of
``pyproject.toml`` excludes. A comment ``glossary: REASON`` exempts its line.
"""

import fnmatch
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from scripts.glossary.rules import Style, read_style
from scripts.glossary.texts import names_bound_in, texts_of

ROOT = Path(__file__).resolve().parents[2]
_EXEMPT = re.compile(r"(?:#|//|;|<!--)\s*glossary: \w+")


@dataclass(frozen=True, order=True)
class Finding:
    """Words to replace, with their place and what to write."""

    path: str
    line: int
    check: str
    message: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.check}: {self.message}"


def check_file(root: Path, path: str, style: Style, names: Iterable[str]) -> Iterator[Finding]:
    """The findings in one file.

    Args:
        root: the directory of the repository.
        path: relative to it.
        style: the rules.
        names: the names that a variable must not have.
    """
    file = root / path
    try:
        lines = file.read_text().split("\n")
    except UnicodeDecodeError:
        return
    exempt = {number for number, line in enumerate(lines, 1) if _EXEMPT.search(line)}
    rules = style.rules_for(path)
    findings = {
        Finding(path, text.line_at(match.start()), rule.check, rule.complaint(match[0].strip()))
        for text in texts_of(file)
        for rule in rules
        for match in rule.pattern.finditer(text.joined)
    }
    if path.endswith(".py"):
        findings |= {
            Finding(path, line, "names", f"name the variable for what it holds, not '{name}'")
            for line, name in names_bound_in(file)
            if name.lstrip("_") in names
        }
    yield from sorted(finding for finding in findings if finding.line not in exempt)


def tracked_files(root: Path, paths: Iterable[str], excluded: Iterable[str]) -> list[str]:
    """The files below some paths (none: all) that git tracks and that exist, except those that a glob excludes."""
    command = ["git", "ls-files", "-z", "--", *paths]
    listed = subprocess.run(command, cwd=root, check=True, capture_output=True, text=True).stdout
    return [
        path
        for path in listed.split("\0")
        if path and (root / path).is_file() and not any(fnmatch.fnmatchcase(path, glob) for glob in excluded)
    ]


def main(paths: list[str]) -> int:
    """Check the paths, print each finding on a line, and return the exit status."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["glossary"]
    style = read_style(ROOT)
    findings = [
        finding
        for path in tracked_files(ROOT, paths, settings["exclude"])
        for finding in check_file(ROOT, path, style, settings["names"])
    ]
    for finding in findings:
        print(finding)
    if findings:
        print(f"{len(findings)} findings. The words: docs/development/glossary.md. Exempt a line: `glossary: REASON`.")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
