"""Errors a person can act on."""


class LocalError(Exception):
    """Something that the user has to know or mend; the message is all that is printed."""
