"""Errors a person can act on."""


class LocalError(Exception):
    """Something that the user has to know or fix; the message is all that is printed."""

    exit_code = 1


class UsageError(LocalError):
    """The command line asks for something that there is not."""

    exit_code = 2


class InterruptedByUserError(LocalError):
    """The user stopped the command; what had been done is kept."""

    exit_code = 130
