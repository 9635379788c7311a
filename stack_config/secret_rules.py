"""The rules between the settings and the secrets: which they need, which fit, and what would be set twice."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from components.blocks.base_settings import Fix, Problem
from components.blocks.outside_settings import outside_variables
from components.open_webui.feature_settings import token_error
from components.open_webui.settings import feature_secrets
from components.postgresql.topologies.external import URL as DATABASE_URL
from components.postgresql.topologies.external_url import url_errors as database_url_errors
from components.redis.topologies.external_url import url_errors

from .buckets import bucket_secrets
from .cluster_access import KUBECONFIG, kubeconfig_errors
from .settings import StackSettings


@dataclass(frozen=True)
class _SecretUse:
    key: str
    setting: str
    used: bool
    required: bool = True


def secret_problems(settings: StackSettings, configured: frozenset[str]) -> Iterator[Problem]:
    """Secrets that the settings need and the config lacks, and secrets that the settings do not use."""
    web = settings.open_webui
    uses = [
        _SecretUse("openaiApiKey", "openWebui.openaiApiBaseUrl", web.openai_api_base_url is not None),
        *(
            _SecretUse(
                secret.name,
                f"openWebui.{key}.{feature.setting_of(secret)}",
                feature.uses(secret),
                feature.requires(secret),
            )
            for key, feature in web.features.items()
            for secret in feature.SECRETS
        ),
        _SecretUse(KUBECONFIG, "cluster.mode", settings.cluster.mode == "kubeconfig"),
        _SecretUse(DATABASE_URL, "postgresql.topology", settings.postgresql.is_external),
        *(_SecretUse(*use) for use in bucket_secrets(settings.postgresql, settings.backup)),
        _SecretUse("redisCacheUrl", "redis.topology", settings.redis.is_external),
        _SecretUse("redisWebsocketUrl", "redis.topology", settings.redis.is_external, required=False),
    ]
    for use in uses:
        if use.used and use.required and use.key not in configured:
            yield Problem(
                keys=(use.key, use.setting),
                message=f"the secret {use.key} is missing; {use.setting} needs it",
                allowed="an encrypted value",
                fix=Fix.SET_SECRET,
            )
        if not use.used and use.key in configured:
            yield Problem(
                keys=(use.key, use.setting),
                message=f"the secret {use.key} is set, but {use.setting} does not need it",
                allowed=f"remove it, or set {use.setting}",
                fix=Fix.REMOVE,
            )


def secret_value_problems(settings: StackSettings, secrets: Mapping[str, str]) -> Iterator[Problem]:
    """Invalid values of secrets. A problem never quotes the value.

    Args:
        settings: the stack's settings.
        secrets: plain values of the `SECRET_KEYS` that are set.
    """
    checks = {secret.name: secret.error for secret in feature_secrets()}
    for key, value in secrets.items():
        if key == KUBECONFIG:
            for problem, allowed in kubeconfig_errors(value, settings.kube_context):
                yield _invalid_secret(key, problem, allowed, "kubeContext")
        elif error := checks.get(key, token_error)(value):
            yield _invalid_secret(key, *error)
        elif key in ("redisCacheUrl", "redisWebsocketUrl") and settings.redis.is_external:
            for problem, allowed in url_errors(value, settings.redis.external):
                yield _invalid_secret(key, problem, allowed)
        elif key == DATABASE_URL and settings.postgresql.is_external:
            for problem, allowed in database_url_errors(value, settings.postgresql):
                yield _invalid_secret(key, problem, allowed, "postgresql.external")


def _invalid_secret(key: str, error: str, allowed: str, about: str = "redis.external") -> Problem:
    return Problem(
        keys=(key, about),
        message=f"the secret {key} is invalid: {error}",
        allowed=allowed,
        fix=Fix.SET_SECRET,
    )


def twice_problems(settings: StackSettings, variables: Collection[str]) -> Iterator[Problem]:
    """Variables that the settings set in plain text and the config sets as a secret.

    Args:
        settings: the stack's settings.
        variables: environment variables of the web pods that are secrets of the config.
    """
    web = settings.with_common_pods().open_webui
    outside = ((f"pods.{key}", name) for key, names in outside_variables(web.pods).items() for name in names)
    own = (
        (f"openWebui.{key}.{name}", name)
        for key, env in (("env", web.env), ("pluginEnv", web.plugin_env))
        for name in env
    )
    for path, name in sorted([*outside, *own]):
        if name in variables:
            yield Problem(
                keys=(path,),
                message=f"{name} is also a secret of the config: it would be set twice",
                allowed="one of the two",
                fix=Fix.REMOVE,
            )
