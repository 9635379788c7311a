"""What a first stack needs: the questions of `stackctl init`, and of the template in Pulumi.yaml.

A question names a config key. The settings have its meaning, its default and its rules.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from .keys import key_at
from .secret_keys import SECRET_KEYS

MODEL_KEY = "openaiApiKey"
_REFERENCE = f"existingSecrets.{MODEL_KEY}"


@dataclass(frozen=True, kw_only=True)
class Question:
    """One config key that an operator decides before the first update."""

    path: str
    """The key, as `pulumi config set --path` takes it."""

    flag: str
    """Option of `stackctl init`. Empty for a secret: no command line and no file has it."""

    text: str
    """The question."""

    instead: str | None = None
    """The suggested answer where it differs from the default of the settings."""

    is_required: bool = False
    """Whether there has to be an answer."""

    needs: tuple[str, str] | None = None
    """A key and its answer without which the question is not asked. An empty answer stands for any."""

    @property
    def meaning(self) -> str:
        """Description of the key, from the settings."""
        return meaning_of(*self.path.split("."))

    @property
    def suggestion(self) -> str:
        """The suggested answer. Empty: the key stays out of the config."""
        if self.instead is not None:
            return self.instead
        key = key_at(self.path.split("."))
        return "" if key is None or key.default is None else str(key.default)

    @property
    def is_secret(self) -> bool:
        """Whether the value is a secret."""
        return self.path in SECRET_KEYS

    @property
    def choices(self) -> list[str]:
        """The allowed answers if the key is an enumeration, else empty."""
        key = key_at(self.path.split("."))
        return key.choices if key else []

    def applies(self, answers: Mapping[str, str]) -> bool:
        """Whether the question makes sense after the other answers.

        Args:
            answers: answers by path.
        """
        if self.needs is None:
            return True
        path, value = self.needs
        return answers.get(path, "") == value if value else bool(answers.get(path))


def meaning_of(*location: str) -> str:
    """Description of a config key, from the settings, without the marks of Markdown."""
    key = key_at(location)
    text = key.description if key else SECRET_KEYS.get(".".join(location), "")
    return text.replace("`", "")


QUESTIONS: tuple[Question, ...] = (
    Question(path="cluster.mode", flag="--cluster-mode", text="How does Pulumi reach the cluster?"),
    Question(
        path="kubeContext",
        flag="--context",
        text="Context of your kubeconfig",
        is_required=True,
        needs=("cluster.mode", "context"),
    ),
    Question(path="namespace", flag="--namespace", text="Namespace"),
    Question(path="openWebui.replicas", flag="--replicas", text="Web replicas"),
    Question(path="openWebui.uploads.kind", flag="--uploads", text="Where are uploads stored?", instead="volume"),
    Question(path="openWebui.host", flag="--host", text="Public host name (empty: none)"),
    Question(
        path="openWebui.ingress.enabled",
        flag="--ingress/--no-ingress",
        text="Create an Ingress for the host?",
        instead="true",
        needs=("openWebui.host", ""),
    ),
    Question(
        path="openWebui.ingress.className",
        flag="--ingress-class",
        text="IngressClass, such as traefik",
        is_required=True,
        needs=("openWebui.ingress.enabled", "true"),
    ),
    Question(
        path="openWebui.ingress.tlsSecretName",
        flag="--tls-secret",
        text="Secret with the TLS certificate (empty: none)",
        needs=("openWebui.ingress.enabled", "true"),
    ),
    Question(
        path="openWebui.ingress.issuer.name",
        flag="--tls-issuer",
        text="ClusterIssuer of cert-manager that signs it (empty: none)",
        needs=("openWebui.ingress.enabled", "true"),
    ),
    Question(
        path="openWebui.openaiApiBaseUrl",
        flag="--models-url",
        text="URL of an OpenAI-compatible model service (empty: none)",
    ),
    Question(
        path=f"{_REFERENCE}.name",
        flag="--models-secret",
        text="Existing Secret with the key of the service (empty: pulumi config set --secret)",
        needs=("openWebui.openaiApiBaseUrl", ""),
    ),
    Question(
        path=f"{_REFERENCE}.key",
        flag="--models-secret-key",
        text="Key of that Secret",
        instead="api-key",
        needs=(f"{_REFERENCE}.name", ""),
    ),
    Question(path=MODEL_KEY, flag="", text="Key of the model service (empty: none)"),
    Question(
        path="postgresql.storage.className",
        flag="--storage-class",
        text="StorageClass of the database (empty: the cluster's default)",
    ),
)
"""The questions, in their order."""
