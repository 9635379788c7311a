"""Names of Tika's objects."""

from ..blocks.labels import Labels

APP = "tika"
"""Label `app`; name of the Deployment, its container, the Service, ServiceAccount, network policy and budget."""

LABELS = Labels(app=APP, component="document-extraction")

CONFIG_MAP = "tika-config"
PORT = 9998
URL = f"http://{APP}:{PORT}"
"""URL for clients in the namespace."""
