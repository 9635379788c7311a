"""Problems with the variables of a config: `openWebui.env` and `openWebui.pluginEnv`."""

import difflib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..blocks.base_settings import Fix, Problem
from ..blocks.credentials import has_credentials
from .document_services import EXTRACTION_URLS
from .environment_names import holds_secret
from .variables import Rule, VariableClass, variable_table

if TYPE_CHECKING:
    from .settings import OpenWebUISettings

ENV, PLUGIN_ENV = "env", "pluginEnv"
_REDIS_TOPOLOGY = "redis.topology"


@dataclass(frozen=True, kw_only=True)
class Deployment:
    """The settings that a condition depends on."""

    web: "OpenWebUISettings"
    external_redis: bool
    value: str
    """Value of the variable."""


@dataclass(frozen=True, kw_only=True)
class Condition:
    """The settings under which a variable is allowed."""

    holds: Callable[[Deployment], bool]

    key: str
    """The config key that it is about, from the top of the config."""

    allowed: str
    """The setting that meets the condition, for the report."""


def _one_replica(deployment: Deployment) -> bool:
    return deployment.web.autoscaling is None and deployment.web.replicas == 1


def _sticky(deployment: Deployment) -> bool:
    return deployment.web.ingress.enabled and deployment.web.ingress.sticky_sessions


CONDITIONS: Mapping[str, Condition] = {
    "one-replica": Condition(holds=_one_replica, key="openWebui.replicas", allowed="openWebui.replicas: 1"),
    "one-replica-per-browser": Condition(
        holds=lambda deployment: _sticky(deployment) or _one_replica(deployment),
        key="openWebui.ingress.stickySessions",
        allowed="openWebui.ingress.stickySessions: true, or openWebui.replicas: 1",
    ),
    "external-redis": Condition(
        holds=lambda deployment: deployment.external_redis,
        key=_REDIS_TOPOLOGY,
        allowed=f"{_REDIS_TOPOLOGY}: external",
    ),
    "uploads-in-s3": Condition(
        holds=lambda deployment: deployment.web.uploads.kind == "s3",
        key="openWebui.uploads.kind",
        allowed="openWebui.uploads.kind: s3",
    ),
    "openai": Condition(
        holds=lambda deployment: deployment.web.openai_api_base_url is not None,
        key="openWebui.openaiApiBaseUrl",
        allowed="with openWebui.openaiApiBaseUrl",
    ),
    "ollama": Condition(
        holds=lambda deployment: deployment.web.ollama_base_url is not None,
        key="openWebui.ollamaBaseUrl",
        allowed="with openWebui.ollamaBaseUrl",
    ),
    "full-image": Condition(
        holds=lambda deployment: deployment.web.variant == "full",
        key="openWebui.variant",
        allowed="openWebui.variant: full",
    ),
    "other-extraction": Condition(
        holds=lambda deployment: (
            deployment.web.documents.extraction.engine == "none" and deployment.value not in EXTRACTION_URLS
        ),
        key="openWebui.documents.extraction.engine",
        allowed="openWebui.documents.extraction.engine: none, and another engine than tika, docling and external",
    ),
    "other-tika": Condition(
        holds=lambda deployment: not deployment.web.documents.extraction.uses_own_tika,
        key="openWebui.documents.extraction.url",
        allowed="with openWebui.documents.extraction.url",
    ),
}
"""The conditions that ``variables.yaml`` names."""


def variable_problems(env: Mapping[str, str], version: str) -> Iterator[Problem]:
    """Problems with `openWebui.env` in every configuration.

    Args:
        env: the variables.
        version: release of Open WebUI that is deployed. The table tells unknown names of its own release only.
    """
    for name, value in env.items():
        if problem := _problem(name, value, version):
            yield problem


def plugin_variable_problems(plugin_env: Mapping[str, str]) -> Iterator[Problem]:
    """Problems with `openWebui.pluginEnv`."""
    for name, value in plugin_env.items():
        if variable_table().get(name):
            yield _refusal(
                PLUGIN_ENV,
                name,
                f"{name} is a variable of Open WebUI or of a library in its image, not of a plugin",
                f"openWebui.env.{name}, if it is allowed there",
            )
        elif holds_secret(name, value):
            yield _refusal(
                PLUGIN_ENV,
                name,
                f"{name} looks like a secret in plain text",
                f"an encrypted variable: pulumi config set --secret --path secretEnv.{name}",
            )


def conditional_problems(web: "OpenWebUISettings", *, external_redis: bool) -> Iterator[Problem]:
    """Variables of `openWebui.env` whose condition does not hold, with keys from the top of the config."""
    for name, value in web.env.items():
        variable = variable_table().get(name)
        if variable is None or not variable.rule.condition or not variable.rule.applies_to(value):
            continue
        condition = CONDITIONS[variable.rule.condition]
        if not condition.holds(Deployment(web=web, external_redis=external_redis, value=value)):
            yield Problem(
                keys=(f"openWebui.{ENV}.{name}", condition.key),
                message=f"{name} does not fit {condition.key}. {_clause(variable.rule)}",
                allowed=condition.allowed,
                fix=Fix.REMOVE,
            )


def variable_warnings(env: Mapping[str, str]) -> Iterator[str]:
    """Warnings about variables that are allowed."""
    for name, value in env.items():
        variable = variable_table().get(name)
        if variable and variable.rule.warning and variable.rule.applies_to(value):
            yield f"openWebui.env.{name} {variable.rule.warning}."


def meant_variable(name: str) -> str | None:
    """The variable with this or a similar name; None if there is none."""
    near = difflib.get_close_matches(name.upper(), variable_table().names, n=1)
    return name if variable_table().get(name) else near[0] if near else None


def key_of_variable(name: str) -> str | None:
    """The config key that takes the value of a variable of the table; None when the value is refused everywhere."""
    variable = variable_table().get(name)
    if variable is None:
        return None
    if variable.rule.kind is VariableClass.SECRET:
        return name
    if variable.rule.kind in (VariableClass.ALLOWED, VariableClass.CONDITIONAL) or variable.rule.condition:
        return f"openWebui.{ENV}.{name}"
    return None


def _problem(name: str, value: str, version: str) -> Problem | None:
    variable = variable_table().get(name)
    if variable is None:
        return _unknown(name, value, version)
    rule = variable.rule
    refused = {VariableClass.STACK: _by_stack, VariableClass.COMMAND: _by_command, VariableClass.REFUSED: _for_reason}
    if rule.kind in refused and not rule.condition:
        return refused[rule.kind](name, rule) if rule.applies_to(value) else None
    if rule.kind is VariableClass.SECRET or (variable.is_secret is None and holds_secret(name, value)):
        return _secret(name, named=rule.kind is VariableClass.SECRET)
    if has_credentials(value):
        return _refusal(
            ENV,
            name,
            f"{name} looks like a secret in plain text",
            f"a URL without user and password in it, or pulumi config set --secret --path secretEnv.{name}",
        )
    return None


def _by_stack(name: str, rule: Rule) -> Problem:
    source = f", from {rule.key}" if rule.key else ""
    reason = f". {_clause(rule)}" if rule.reason else ""
    return _refusal(
        ENV,
        name,
        f"{name} is set by the stack itself{source}{reason}",
        f"a change of {rule.key} instead" if rule.key else "variables that the stack does not set",
    )


def _by_command(name: str, rule: Rule) -> Problem:
    return _refusal(
        ENV,
        name,
        f"{name} has no effect, the command line of the web pods decides it. {_clause(rule)}",
        f"a change of {rule.key} instead" if rule.key else "variables that the command line does not decide",
    )


def _for_reason(name: str, rule: Rule) -> Problem:
    value = f"{'true' if rule.when == 'on' else 'false'} " if rule.when else ""
    other = f"{'false' if rule.when == 'on' else 'true'}, the default" if rule.when else ""
    return _refusal(
        ENV,
        name,
        f"{name} {value}is refused. {_clause(rule)}",
        f"a change of {rule.key} instead" if rule.key else other or "variables that replicas do not disagree about",
    )


def _secret(name: str, *, named: bool) -> Problem:
    own, member = f"pulumi config set --secret {name}", f"pulumi config set --secret --path secretEnv.{name}"
    return _refusal(
        ENV,
        name,
        f"{name} {'is' if named else 'looks like'} a secret in plain text",
        f"an encrypted config key of its own: {own}" if named else f"an encrypted variable: {member}",
    )


def _unknown(name: str, value: str, version: str) -> Problem | None:
    if holds_secret(name, value):
        return _secret(name, named=False)
    table = variable_table()
    if version != table.release:
        return None  # another release may read it
    meant = meant_variable(name)
    return _refusal(
        ENV,
        name,
        f"{name} has no effect: Open WebUI {version} does not read it{f', did you mean {meant}?' if meant else ''}",
        "variables that Open WebUI reads; those of your own plugins go into openWebui.pluginEnv",
    )


def _refusal(key: str, name: str, message: str, allowed: str) -> Problem:
    return Problem(keys=(f"{key}.{name}",), message=message, allowed=allowed, fix=Fix.REMOVE)


def _clause(rule: Rule) -> str:
    """The reason without its full stop: a line of the report has none."""
    return rule.reason.removesuffix(".")
