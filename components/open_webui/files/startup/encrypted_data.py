"""Checks whether the configured key decrypts stored second factors. Otherwise Open WebUI does not start."""

from collections.abc import Iterable, Mapping

from .database import Connection, one

_COLUMNS = b"""
SELECT count(*) = 3 FROM pg_attribute WHERE NOT attisdropped
  AND (attrelid = to_regclass('auth') AND attname = 'mfa'
       OR attrelid = to_regclass('config') AND attname IN ('key', 'value'))
"""
"""Older releases have no second factors."""
_ENABLED = b"SELECT value::text FROM config WHERE key = 'auth.mfa.enable'"
_SECRETS = b"SELECT mfa::jsonb ->> 'secret' FROM auth WHERE mfa::jsonb ->> 'secret' <> ''"


def second_factor_problems(connection: Connection, environment: Mapping[str, str]) -> list[str]:
    """The reason why stored second factors cannot be read; Open WebUI checks the same (utils/mfa.py of 0.12.4).

    Args:
        connection: to the application's database.
        environment: variables of the replica. Without MFA_ENCRYPTION_KEY nothing is checked.
    """
    key = environment.get("MFA_ENCRYPTION_KEY")
    if not key or not one(connection, _COLUMNS):
        return []
    enabled = one(connection, _ENABLED) or environment.get("ENABLE_MFA", "")
    if enabled.lower() != "true":
        return []
    secrets = [secret for (secret,) in connection.execute(_SECRETS)]
    try:
        unreadable = _unreadable(key, secrets)
    except ValueError:
        return ["MFA_ENCRYPTION_KEY has to be 32 bytes in URL-safe base64: openssl rand -base64 32 | tr '+/' '-_'"]
    if not unreadable:
        return []
    return [
        f"Second factors are stored that MFA_ENCRYPTION_KEY does not decrypt ({unreadable} users): Open WebUI would "
        "not start. Set the key that they were encrypted with: pulumi config set --secret MFA_ENCRYPTION_KEY"
    ]


def _unreadable(key: str, secrets: Iterable[str]) -> int:
    """How many of the secrets the key does not decrypt. Raises `ValueError` if it is not a key."""
    # Imported here, because only the image has it: some tests of these scripts run without it.
    from cryptography.fernet import Fernet, InvalidToken

    cipher, unreadable = Fernet(key), 0
    for secret in secrets:
        try:
            cipher.decrypt(secret.encode())
        except InvalidToken:
            unreadable += 1
    return unreadable
