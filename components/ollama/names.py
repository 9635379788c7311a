"""Names of Ollama's objects."""

from ..blocks.labels import Labels

APP = "ollama"
"""Label `app`; name of the Deployment, its container, the Service, ServiceAccount, network policy and budget."""

LABELS = Labels(app=APP, component="models")

PORT = 11434


def url(namespace: str) -> str:
    """URL inside the cluster. A proxy is never used for names under ``.svc``."""
    return f"http://{APP}.{namespace}.svc:{PORT}"


VOLUME_CLAIM = "ollama-models"

PULL = "ollama-pull"
"""Job that pulls the models, its ConfigMap, ServiceAccount and network policy."""

PULL_LABELS = Labels(app=PULL, component="models")
