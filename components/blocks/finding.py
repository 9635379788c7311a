"""One problem and the commands that fix it, as every report of the stack shows it."""

import itertools
import shlex
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One problem, as the report shows it."""

    key: str
    value: str
    message: str
    allowed: str
    commands: tuple[str, ...]

    def __str__(self) -> str:
        lines = [f"{self.key}: {self.message}", f"  value:    {self.value}", f"  allowed:  {self.allowed}"]
        labels = itertools.chain(["fix:"], itertools.repeat(""))
        lines += [f"  {label:<9} {command}" for label, command in zip(labels, self.commands, strict=False)]
        return "\n".join(lines)


def fix_command(path: str, value: str) -> str:
    """The command that sets the key to the value, or removes it when the value is empty."""
    flag = "--path " if "." in path or "[" in path else ""
    if not value:
        return f"pulumi config rm {flag}{shlex.quote(path)}"
    # The CLI would parse a value that starts with a dash as a flag.
    end = "-- " if value.startswith("-") else ""
    return f"pulumi config set {flag}{end}{shlex.quote(path)} {value if value.startswith('<') else shlex.quote(value)}"
