"""Keys for data that Open WebUI encrypts in its database, separate from the key that signs sessions.

By default release 0.12.4 derives them from WEBUI_SECRET_KEY: a rotation of the signing key makes the data unreadable.
The stack sets them to the values that the release derives from the first signing key
(docs/decisions/0027-encryption-keys.md).
"""

import base64
import hmac

import pulumi
from pulumi import Output, ResourceOptions

ENCRYPTION_VARIABLES = {
    "MFA_ENCRYPTION_KEY": "mfa-encryption-key",
    "OAUTH_CLIENT_INFO_ENCRYPTION_KEY": "oauth-client-info-encryption-key",
    "OAUTH_SESSION_TOKEN_ENCRYPTION_KEY": "oauth-session-token-encryption-key",
}
"""Environment variable -> key in the Secret ``openwebui-secret``. A secret config key of the same name replaces it."""

STASH = "openwebui-encryption-key"
"""Logical name of the resource that keeps the key."""

# open_webui/utils/mfa.py of release 0.12.4, `cipher`.
_MFA_INFO = b"open-webui/mfa-encryption/v1"


def kept_key(signing_key: Output[str], opts: ResourceOptions) -> Output[str]:
    """The signing key of the update that created the resource; later signing keys do not change it. Secret.

    Args:
        signing_key: the current signing key.
        opts: options of the resource that keeps it. Without this resource the data is lost: protect it like the
            database.
    """
    # A changed input would only show an update in every rotation.
    keep = ResourceOptions.merge(opts, ResourceOptions(ignore_changes=["input"]))
    return Output.secret(pulumi.Stash(STASH, input=signing_key, opts=keep).output)


def encryption_keys(key: str) -> dict[str, str]:
    """Values of `ENCRYPTION_VARIABLES` with which the release reads what it wrote with that signing key alone."""
    # The two of OAuth are hashed by the release, as it does with the signing key; MFA_ENCRYPTION_KEY is a Fernet key.
    return {**dict.fromkeys(ENCRYPTION_VARIABLES, key), "MFA_ENCRYPTION_KEY": _mfa_encryption_key(key)}


def _mfa_encryption_key(key: str) -> str:
    """HKDF with SHA-256 and no salt, one block: https://www.rfc-editor.org/rfc/rfc5869#section-2."""
    pseudorandom = hmac.digest(bytes(32), key.encode(), "sha256")
    block = hmac.digest(pseudorandom, _MFA_INFO + b"\x01", "sha256")
    return base64.urlsafe_b64encode(block).decode()
