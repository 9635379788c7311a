"""Secrets that the settings name: keys and headers of services, each in a secret environment variable of its own."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace

from components.blocks.base_settings import Fix, Problem
from components.open_webui.connections import LIST_SEPARATOR

from .settings import StackSettings

_UNFIT = {LIST_SEPARATOR: "a semicolon", '"': "a quotation mark", "\\": "a backslash"}
"""Characters that end a value in a list or in JSON."""


def named_secret_problems(
    settings: StackSettings, configured: Collection[str], values: Mapping[str, str]
) -> Iterator[Problem]:
    """Secrets that the settings name and the config lacks, and those whose value the list of connections cannot hold.

    A problem never quotes a value. The first of its keys is the name of the secret.

    Args:
        settings: the stack's settings.
        configured: every secret that is set.
        values: plain values of secrets, by name.
    """
    for setting, variable in _named(settings):
        value = values.get(variable, "")
        unfit = [name for character, name in _UNFIT.items() if character in value]
        if variable not in configured:
            yield Problem(
                keys=(variable, setting),
                message=f"the secret {variable} is missing; {setting} names it",
                allowed="an encrypted value in secretEnv, or a reference in existingSecrets",
                fix=Fix.SET_SECRET,
            )
        elif unfit or not value.isprintable():
            yield Problem(
                keys=(variable, setting),
                message=f"the secret {variable} contains {unfit[0] if unfit else 'a control character'}: Open WebUI "
                f"reads all connections from one variable, and {setting} names this one",
                allowed="a value without semicolons, quotation marks, backslashes and control characters",
                fix=Fix.SET_SECRET,
            )


def composed_secret_problems(settings: StackSettings, configured: Collection[str]) -> Iterator[Problem]:
    """Secret variables of the config that the settings of services set themselves.

    Args:
        settings: the stack's settings.
        configured: every secret that is set.
    """
    for key, feature in settings.open_webui.features.items():
        for variable in sorted(feature.composed_variables({}).keys() & set(configured)):
            yield Problem(
                keys=(variable, f"openWebui.{key}"),
                message=f"the secret {variable} conflicts with openWebui.{key}, which sets the variable",
                allowed=f"remove it, or openWebui.{key}",
                fix=Fix.REMOVE,
            )


def credential_problems(settings: StackSettings, variables: Collection[str]) -> Iterator[Problem]:
    """Secret variables that would replace credentials of a feature of the web pods, such as those of the bucket.

    Args:
        settings: the stack's settings.
        variables: every secret that is set.
    """
    for feature in settings.open_webui.features.values():
        for problem in feature.credential_problems(variables):
            variable, setting = problem.keys
            yield replace(problem, keys=(variable, f"openWebui.{setting}"))


def _named(settings: StackSettings) -> Iterator[tuple[str, str]]:
    for key, feature in settings.open_webui.features.items():
        for path, variable in feature.named_secrets().items():
            yield f"openWebui.{key}.{path}", variable
