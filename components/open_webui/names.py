"""Names of Open WebUI's objects. All are fixed: the source document and the operator's commands use them."""

from ..blocks.labels import Labels

APP = "open-webui"
"""Label `app`; name of the Deployment, its container, the ServiceAccount, the network policy, the budget, the Ingress
and the autoscaler."""

LABELS = Labels(app=APP, component="web")

SERVICE = "open-webui"
SERVICE_PORT = 80
PORT = 8080
"""Port of the web pods."""

PORT_NAME = "http"

SECRET = "openwebui-secret"
"""Secret of the web pods, with the keys below, those of encrypted data and the secret config keys."""

SECRET_KEY = "secret-key"
"""Key of the Secret: the key that signs sessions."""

ROTATION_ANNOTATION = "existing-secrets/rotation"
"""Annotation of pods that read existing Secrets: the counter of their changes."""

ADMIN_SECRET = "openwebui-admin"
"""Secret of the first administrator's account, with the keys below."""

ADMIN_EMAIL = "email"
ADMIN_PASSWORD = "password"

SCHEMA_UPGRADE_ANNOTATION = "open-webui-stack/schema-upgrade"
"""Annotation of the Deployment whose pods take part in handovers of the schema."""

VOLUME_CLAIM = "open-webui-uploads"
"""PVC of ``uploads.kind: volume``."""

DASHBOARD = "open-webui-dashboard"

CILIUM_POLICY = "open-webui-from-cilium"

GATEWAY = "open-webui"
"""Gateway of the stack, and its HTTPRoute."""

REDIRECT_ROUTE = "open-webui-redirect"
"""HTTPRoute of the http listener that redirects to https."""

RETRY_MIDDLEWARE = "open-webui-retry"
"""Middleware of Traefik that repeats a request whose connection failed."""

LOAD_BALANCER = "open-webui-load-balancer"
"""Service of type LoadBalancer."""

PREFLIGHT = "open-webui-preflight"
"""Job that checks the database and the bucket before an update, its ServiceAccount and network policy."""

PREFLIGHT_LABELS = Labels(app=PREFLIGHT, component="web")
"""Labels of the Job's pod. They differ from those of the web pods: no Service and no budget selects it."""

DATABASE_CLIENTS = [LABELS.selector, PREFLIGHT_LABELS.selector]
"""Selectors of the pods that connect to PostgreSQL."""

GENERATED_SIGNING_KEY = "openwebui-secret-key"
"""Logical name of the generated signing keys, to which a hyphen and the number of the rotation are appended."""

GENERATED_ADMIN_PASSWORD = "openwebui-admin-password"
