"""What the settings of every feature of the web pods declare: variables, destinations, secrets."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from ..blocks.base_settings import Problem, Settings

if TYPE_CHECKING:
    from .settings import OpenWebUISettings


def token_error(value: str) -> tuple[str, str] | None:
    """The error of a secret that has to be one word, such as a key or a password, and what is allowed."""
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
    """Whether the feature cannot work without it when it uses it."""

    error: Callable[[str], tuple[str, str] | None] = token_error
    """The error of a value and the values that are allowed, neither with the value in it; None if it is valid."""


OWN_OLLAMA = "OLLAMA_BASE_URL"
"""Variable with the URL of the stack's own Ollama, among those that lead to other components."""


class FeatureSettings(Settings):
    """Settings of one feature of the web pods, such as uploads.

    `OpenWebUISettings` finds them by this class: a field of it is all that a feature needs there. The container gets
    the variables, the network policy opens the destinations, and the config report asks for the secrets.
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

    def stored_variables(self, _web: "OpenWebUISettings", _services: Mapping[str, str]) -> Iterable[str]:
        """Variables whose values each start of a web pod writes into the database (`startup/stored_settings.py`).

        Open WebUI itself reads most of its variables on an empty database only. Named are those that the operator sets:
        the other ones keep what the admin panel set. Those that Open WebUI does not store may be among them.

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
        """The same as pairs. Overridden where they depend on other settings, or where one key has several.

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

    def pod_labels(self, _web: "OpenWebUISettings") -> Mapping[str, str]:
        """Labels that the web pods and the preflight need for the feature, as those that a webhook looks for."""
        return {}

    def uses(self, _secret: SecretKey) -> bool:
        """Whether the feature, as it is set, uses the secret."""
        return True

    def setting_of(self, secret: SecretKey) -> str:
        """The setting that decides about the secret, for the report; relative to the feature."""
        return secret.setting

    def requires(self, secret: SecretKey) -> bool:
        """Whether the feature, as it is set and using the secret, cannot work without it."""
        return secret.required

    def warnings(self, _web: "OpenWebUISettings") -> Iterator[str]:
        """What the operator has to know about settings that are allowed; printed with every update."""
        yield from ()
