"""Statements of the superuser in the stack's own PostgreSQL, through the socket in its pod."""

from components.postgresql import names as postgresql

from .stack import Stack

POD = f"{postgresql.APP}-0"
"""Pod of the server with the topology standalone."""


def query(stack: Stack, statements: str, *options: str, database: str = "postgres", seconds: float = 120) -> list[str]:
    """The lines that psql prints, without headings and unaligned.

    Args:
        stack: with a server of its own.
        statements: for psql, on standard input. The first error ends them.
        options: further options of psql.
        database: to connect to.
        seconds: timeout.

    Raises:
        KubectlError: the pod does not answer, or a statement fails; the message is the last line of the errors.
    """
    command = ("exec", "-i", POD, "-c", postgresql.APP, "--", "psql", "--no-psqlrc", "-qAt", "-v", "ON_ERROR_STOP=1")
    output = stack.kubectl.run(*command, *options, "-U", "postgres", "-d", database, stdin=statements, seconds=seconds)
    return output.splitlines()
