"""The rules as Vale styles: which pattern is replaced by which words, and for which paths a rule is off.

Vale itself reads the same files in an editor. Supported is what the styles of this project use: `extends: substitution`
(``swap``) and `extends: existence` (``tokens``), `ignorecase`, `nonword`, and `Style.Rule = NO` in a section of
``.vale.ini``.
"""

import configparser
import fnmatch
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import yaml


@dataclass(frozen=True)
class Rule:
    """One pattern of a style.

    Attributes:
        check: the name that ``.vale.ini`` switches it off by, such as ``Stack.Terms``.
        pattern: what must not be written.
        replacement: what to write instead; empty where the message says all.
        message: with ``%s`` for the replacement, if there is one, and for the words that were written.
    """

    check: str
    pattern: re.Pattern[str]
    replacement: str
    message: str

    def complaint(self, written: str) -> str:
        """The message about words that the pattern matches."""
        return self.message % ((self.replacement, written) if self.replacement else (written,))


@dataclass(frozen=True)
class Style:
    """All rules, and the paths that some of them are off for."""

    rules: tuple[Rule, ...]
    disabled: tuple[tuple[str, str], ...]

    def rules_for(self, path: str) -> list[Rule]:
        """The rules that hold for a file.

        Args:
            path: relative to the repository.
        """
        off = {check for glob, check in self.disabled if fnmatch.fnmatchcase(path, glob)}
        return [rule for rule in self.rules if rule.check not in off]


def read_style(root: Path) -> Style:
    """Read ``.vale.ini`` and the styles that it names.

    Raises:
        ValueError: a style uses a feature of Vale that this program does not support.
    """
    ini = configparser.ConfigParser(delimiters=("=",), comment_prefixes=(";", "#"))
    ini.optionxform = str  # type: ignore[assignment, method-assign]
    ini.read_string("[core]\n" + (root / ".vale.ini").read_text())
    styles = root / ini["core"]["StylesPath"]
    names = [name.strip() for name in ini["*"]["BasedOnStyles"].split(",")]
    files = sorted(file for name in names for file in (styles / name).glob("*.yml"))
    return Style(
        rules=tuple(rule for file in files for rule in _read_rules(file)),
        disabled=tuple(
            (glob, check)
            for glob in ini.sections()
            for check, value in ini[glob].items()
            if "." in check and value == "NO"
        ),
    )


def _read_rules(file: Path) -> Iterator[Rule]:
    style = yaml.safe_load(file.read_text())
    check = f"{file.parent.name}.{file.stem}"
    flags = re.IGNORECASE if style.get("ignorecase") else re.NOFLAG
    bounded = r"%s" if style.get("nonword") else r"(?<![\w-])(?:%s)(?!(?<=\w)[\w-])"
    match style["extends"]:
        case "substitution":
            patterns = style["swap"]
        case "existence":
            patterns = dict.fromkeys(style["tokens"], "")
        case other:
            raise ValueError(f"{file}: extends {other} is not supported; use substitution or existence")
    for pattern, replacement in patterns.items():
        yield Rule(check, re.compile(bounded % pattern, flags), replacement, style["message"])
