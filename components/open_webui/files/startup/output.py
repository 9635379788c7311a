"""Output of the scripts of a pod: lines without secrets, and the error that ends a script."""

import json
import os
import re
import sys
from collections.abc import Mapping
from typing import IO
from urllib.parse import unquote

from .secret_names import is_secret_name, is_switch

_SECRET_IN_URL = re.compile(r"://[^:/?#\s@]*:(?=(.+?)@)(.+)@|[?&]password=([^&\s]+)")


class RefusedError(Exception):
    """The replica must not start; each reason is a message for the operator."""

    def __init__(self, *reasons: str) -> None:
        super().__init__("\n".join(reasons))
        self.reasons = reasons


def secrets(environment: Mapping[str, str]) -> list[str]:
    """Texts that must not be printed: values of secret variables and passwords in URLs, the longest first."""
    # Secrets of plugins, whose names may not show that they are secret.
    redacted = environment.get("REDACTED_VARIABLES", "").split(",")
    secrets = {value for name, value in environment.items() if is_secret_name(name) or name in redacted}
    # A message may quote one key of a list.
    secrets |= {part.strip() for value in secrets for part in value.split(";")}
    secrets.update(text for value in environment.values() for texts in _SECRET_IN_URL.findall(value) for text in texts)
    secrets |= {unquote(text) for text in secrets}
    # As in a log of JSON.
    secrets |= {json.dumps(text, ensure_ascii=ascii)[1:-1] for text in secrets for ascii in (True, False)}
    return sorted((text for text in secrets if len(text) > 3 and not is_switch(text)), key=len, reverse=True)


_secrets = secrets(os.environ)


def redact(text: str) -> str:
    """The text without secrets."""
    for secret in _secrets:
        text = text.replace(secret, "[redacted]")
    return text


def script_name() -> str:
    """Name of the running script: ``migrate``, ``preflight``."""
    return os.path.basename(sys.argv[0]).removesuffix(".py")


def log(message: str) -> None:
    """Print a line without secrets."""
    print(redact(f"{script_name()}: {message}"), flush=True)


def forward(lines: IO[str], last_line: list[str], prefix: str) -> None:
    """Print the lines of a child process without secrets; ``last_line`` gets the last one that is not empty.

    Args:
        lines: output of the child.
        last_line: a list of one text.
        prefix: prefix of the child's own messages, which ``last_line`` omits.
    """
    for line in lines:
        print(redact(line), end="", flush=True)
        last_line[0] = line.strip().removeprefix(prefix) or last_line[0]


def seconds(name: str) -> float:
    """A duration in seconds from the environment.

    Raises `RefusedError` if the variable is missing or not a number.
    """
    text = os.environ.get(name, "")
    if not re.fullmatch(r"\d+(\.\d+)?", text):
        raise RefusedError(f"{name} is {text!r}; it has to be a number of seconds, as in 300.")
    return float(text)
