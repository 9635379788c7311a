"""Which environment variables of the web pods may be secrets of the config: `secretEnv`, `existingSecrets`."""

import re

from ..blocks.credentials import has_credentials
from .environment_names import is_variable_name
from .variables import Rule, VariableClass, variable_table

SIGNING_KEY, ADMIN_PASSWORD = "WEBUI_SECRET_KEY", "WEBUI_ADMIN_PASSWORD"

REFERENCES_ONLY = {
    SIGNING_KEY: "the stack generates the value",
    ADMIN_PASSWORD: "the stack generates the value",
}
"""Variables whose generated value an existing Secret may replace."""

# Their value is a secret when there is a password in the URL.
_URL = re.compile(r"(?:_PROXY|_URLS?)$", re.IGNORECASE)


def secret_variable_error(name: str, value: str | None) -> tuple[str, str] | None:
    """The reason why a variable must not be a secret of the config, and the allowed values; None if it may be one.

    Variables that the table does not have are those of plugins.

    Args:
        name: name of the variable.
        value: its value; None if it is not known. The message never quotes it.
    """
    if not is_variable_name(name):
        return "not a name of an environment variable", "letters, digits and '_', no digit at the start"
    variable = variable_table().get(name)
    if variable is None or variable.rule.kind is VariableClass.SECRET:
        return None
    rule = variable.rule
    # With a condition, a rule is about a plain variable.
    if rule.kind in (VariableClass.STACK, VariableClass.COMMAND) and not rule.condition:
        return _set_by_the_stack(name, rule)
    if rule.kind is VariableClass.REFUSED and not rule.condition:
        return f"{name} is refused. {rule.reason.removesuffix('.')}", "variables that the stack leaves to the operator"
    may_be_secret = bool(_URL.search(name)) if value is None else has_credentials(value)
    if may_be_secret or (variable.is_secret is None and not variable.named):
        return None
    return f"{name} is not a secret", f"openWebui.env.{name}, if it is allowed there"


def _set_by_the_stack(name: str, rule: Rule) -> tuple[str, str]:
    reference = f", or existingSecrets.{name}" if name in REFERENCES_ONLY else ""
    source = f", from {rule.key}" if rule.key else ""
    allowed = f"a change of {rule.key} instead" if rule.key else "variables that the stack does not set"
    return f"{name} is set by the stack itself{source}", f"{allowed}{reference}"
