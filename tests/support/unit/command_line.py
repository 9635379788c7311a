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


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class CommandLine:
    """Runs commands; nothing but the arguments, standard input and the environment is given to them."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self._monkeypatch, self._capsys = monkeypatch, capsys

    def __call__(self, *arguments: str, stdin: str = "", terminal: bool = False) -> Ended:
        """Run `stackctl` with the arguments to its end.

        Args:
            arguments: those of the command line.
            stdin: what standard input has.
            terminal: whether standard input is a terminal.
        """
        self._monkeypatch.setattr(sys, "argv", ["stackctl", *arguments])
        self._monkeypatch.setattr(sys, "stdin", _Terminal(stdin) if terminal else io.StringIO(stdin))
        self._capsys.readouterr()
        with pytest.raises(SystemExit) as end:
            main()
        printed = self._capsys.readouterr()
        return Ended(code=int(end.value.code or 0), out=printed.out, err=printed.err)
