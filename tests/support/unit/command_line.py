"""The command line of `stackctl` in this process, as a terminal sees it."""

import io
import sys
from dataclasses import dataclass

import pytest

from stackctl.app import main


@dataclass(frozen=True, kw_only=True)
class Ended:
    """A command that has ended."""

    code: int
    out: str
    err: str


class CommandLine:
    """Runs commands; nothing but the arguments, standard input and the environment is given to them."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self._monkeypatch, self._capsys = monkeypatch, capsys

    def __call__(self, *arguments: str, stdin: str = "") -> Ended:
        """Run `stackctl` with the arguments to its end."""
        self._monkeypatch.setattr(sys, "argv", ["stackctl", *arguments])
        self._monkeypatch.setattr(sys, "stdin", io.StringIO(stdin))
        self._capsys.readouterr()
        with pytest.raises(SystemExit) as end:
            main()
        printed = self._capsys.readouterr()
        return Ended(code=int(end.value.code or 0), out=printed.out, err=printed.err)
