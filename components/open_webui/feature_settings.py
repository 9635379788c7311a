"""The interface of the settings of every feature of the web pods: variables, destinations, secrets."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from ..blocks.base_settings import Problem, Settings

if TYPE_CHECKING:
    from .settings import OpenWebUISettings


def token_error(value: str) -> tuple[str, str] | None:
    """The error for a secret that must not contain spaces, such as a key or a password, and the allowed values."""
    if value.isprintable() and not any(character.isspace() for character in value):
        return None
    return "it contains a space, a line break or a control character", "a value without them"


@dataclass(frozen=True, kw_only=True)
class SecretKey:
    """A secret config key of a feature: flat, set with `pulumi config set --secret`."""

    name: str
    """The config key: ``s3AccessKeyId``, or the name of the variable itself (``OAUTH_CLIENT_SECRET``)."""

    variable: str
    """Environment variable of the web pods that gets the value."""

    key: str
    """Key in the Secret of the web pods."""

    setting: str
    """The setting that the secret belongs to, relative to the feature: ``kind``."""

    description: str
    required: bool = True
    """Whether a feature that uses the secret requires it."""

    error: Callable[[str], tuple[str, str] | None] = token_error
    """The error and the allowed values, without the value itself; None if the value is valid."""


OWN_OLLAMA = "OLLAMA_BASE_URL"
"""Variable with the URL of the stack's own Ollama."""


class FeatureSettings(Settings):
    """Settings of one feature of the web pods, such as uploads.

    `OpenWebUISettings` finds them by this class: a feature needs only a field there. The container gets the variables,
    the network policy allows the destinations, and the config report checks the secrets.
    """

    SECRETS: ClassVar[tuple[SecretKey, ...]] = ()
    """Every secret config key that the feature can use."""

    def variables(self, _web: "OpenWebUISettings", _services: Mapping[str, str]) -> Mapping[str, str]:
        """Environment variables without secrets.

        Args:
            _web: the settings of the component, for what depends on the public URL or the image.
            _services: variables that lead to other components of the stack.
        """
        return {}

    def composed_variables(self, _services: Mapping[str, str]) -> Mapping[str, str]:
        """Environment variables in which the kubelet replaces ``$(NAME)`` by the value of a secret variable.

        Args:
            _services: variables that lead to other components of the stack.
        """
        return {}

    def pod_fields(self) -> Mapping[str, str]:
        """Environment variables with the value of a field of the pod, such as ``metadata.name``."""
        return {}

    def stored_variables(self, _web: "OpenWebUISettings", _services: Mapping[str, str]) -> Iterable[str]:
        """Variables whose values each start of a web pod writes into the database (`startup/stored_settings.py`).

        Open WebUI itself reads most of its variables on an empty database only. The result contains the variables that
        the user sets: others keep the value of the admin panel. It may contain variables that Open WebUI does not
        store.

        Args:
            _web: the settings of the component.
            _services: variables that lead to other components of the stack.
        """
        return ()

    def named_secrets(self) -> Mapping[str, str]:
        """Secret environment variables that the settings name, each by its key relative to the feature."""
        return {}

    def urls(self) -> Mapping[str, str]:
        """URLs that the web pods connect to, each by its key relative to the feature."""
        return {}

    def endpoints(self, _web: "OpenWebUISettings") -> Iterator[tuple[str, str]]:
        """The URLs as pairs. Overridden if they depend on other settings, or if one key has several URLs.

        Args:
            _web: the settings of the component.
        """
        yield from self.urls().items()

    def shared_secrets(self, _web: "OpenWebUISettings") -> Mapping[str, str]:
        """Variables that get the value of a secret of another setting, unless a secret of their own name is set.

        Values are the names of the secrets: ``openaiApiKey``, or a secret variable that a setting names.
        """
        return {}

    def conflicts(self, _web: "OpenWebUISettings") -> Iterator[Problem]:
        """Rules between the feature and other settings of the component, with keys relative to the component."""
        yield from ()

    def credential_problems(self, _variables: Iterable[str]) -> Iterator[Problem]:
        """Secret variables whose values Open WebUI would use in place of the credentials of the feature.

        The keys are the variable, and the setting relative to Open WebUI's settings.

        Args:
            _variables: names of the secrets that are set.
        """
        yield from ()

    def pod_labels(self, _web: "OpenWebUISettings") -> Mapping[str, str]:
        """Labels that the web pods and the preflight need for the feature, for example for a webhook."""
        return {}

    def uses(self, _secret: SecretKey) -> bool:
        """Whether the feature uses the secret with these settings."""
        return True

    def setting_of(self, secret: SecretKey) -> str:
        """The setting that requires the secret, relative to the feature, for the report."""
        return secret.setting

    def requires(self, secret: SecretKey) -> bool:
        """Whether the feature requires the secret with these settings."""
        return secret.required

    def warnings(self, _web: "OpenWebUISettings") -> Iterator[str]:
        """Warnings about settings that are allowed, printed with every update."""
        yield from ()
