"""How to recognize a secret in plain text: by the form of its value, or by its name."""

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache

from .secret_names import is_secret_name

# Published prefixes of tokens: GitHub, GitLab, AWS, Google, Slack, OpenAI and Anthropic, Hugging Face, Pulumi, Docker;
# then JSON Web Tokens, private keys in PEM, and passwords in URLs.
SECRET_VALUE = re.compile(
    r"\bgh[pousr]_[A-Za-z0-9]{36}|\bgithub_pat_\w{22,}|\bglpat-[\w-]{20}"
    r"|\b(?:AKIA|ASIA)[0-9A-Z]{16}\b|\bAIza[\w-]{35}"
    r"|\bxox[abeoprs]-[\w-]{10,}|\bsk-[\w-]{16,}|\bhf_[A-Za-z]{30,}"
    r"|\bpul-[0-9a-f]{40}\b|\bdckr_pat_[\w-]{20,}"
    r"|\beyJ[\w-]{8,}\.eyJ[\w-]{8,}\."
    r"|-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----"
    # PASSWORD, <password> and ${PASSWORD} are placeholders.
    r"|\b[a-z][a-z0-9+.-]*://[^\s/:@]*:(?![A-Z]+@|[<${%])[^\s/@:]+@"
)

# A flag with a value in one word or two; the end of an assignment in a shell.
_FLAG = re.compile(r"^--?(?P<name>[\w-]+)(?:=(?P<value>.+))?$", re.DOTALL)
_WORDS = re.compile(r"[^\s;&|()]+")
# The flag for its password is one letter, -a.
_REDIS_CLIENT = re.compile(r"(?:^|/)(?:redis|valkey)-cli$")
_ASSIGNMENT = re.compile(r"\b(?P<name>[A-Za-z_]\w*)=(?P<value>[^\s;&|'\"$]+|'[^'$]+'|\"[^\"$]+\")")


# Scripts are long, and every check of the stack reads the same ones.
@lru_cache(maxsize=4096)
def has_secret_value(text: str) -> bool:
    """Whether the text holds something that has the form of a secret."""
    return bool(SECRET_VALUE.search(text))


def secret_in_command(words: Sequence[str]) -> str | None:
    """The word of a command line that holds a secret, by its name only; None when there is no secret."""
    of_redis = any(_REDIS_CLIENT.search(word) for word in words)
    for index, word in enumerate(words):
        following = words[index + 1] if index + 1 < len(words) else ""
        flag = _FLAG.match(word)
        value = (flag["value"] or following).strip("\"'") if flag else ""
        if flag and value and not value.startswith(("-", "$")):
            if is_secret_name(flag["name"]):
                return f"the flag --{flag['name']}"
            if of_redis and flag["name"] == "a":
                return "the flag -a"
        for assignment in _ASSIGNMENT.finditer(word):
            if is_secret_name(assignment["name"]):
                return f"the assignment to {assignment['name']}"
        if has_secret_value(word):
            return "a word that has the form of a secret"
        # The script of `sh -c` is a command line in one word.
        inside = _WORDS.findall(word)
        if len(inside) > 1 and (place := secret_in_command(inside)):
            return place
    return None


def texts(value: object, path: str = "") -> Iterator[tuple[str, str]]:
    """Every text in a value, with its path."""
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, Mapping):
        for key, part in value.items():
            yield from texts(part, f"{path}.{key}" if path else str(key))
    elif isinstance(value, Sequence):
        for index, part in enumerate(value):
            yield from texts(part, f"{path}[{index}]")
