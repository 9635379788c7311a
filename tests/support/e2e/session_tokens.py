"""Tokens of sessions in tests: usable as they are, and hidden where pytest shows the arguments of a failed check."""


class Token(str):
    """The token of a session."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "<token of a session>"
