"""The settings of sign-in that Open WebUI stores in its database and reads from there alone.

Open WebUI takes such a variable at the first start of a database and never again, so that a change in the stack's
config would have no effect. Every variable that the container has is written to the table before a replica starts. Keys
without a variable keep what the admin panel set. Source: `DEFAULT_CONFIG` in `config.py` of release 0.12.4, where keys
under ``oauth.`` are not stored.
"""

import json
import time
from collections.abc import Callable, Mapping
from typing import Any

from .database import Connection, one
from .output import log

TABLE = "config"


def _switch(text: str) -> bool:
    return text.lower() == "true"


Stored = bool | int | str

KEYS: Mapping[str, tuple[str, Callable[[str], Stored]]] = {
    "DEFAULT_GROUP_ID": ("ui.default_group_id", str),
    "DEFAULT_USER_ROLE": ("ui.default_user_role", str),
    "ENABLE_LDAP": ("ldap.enable", _switch),
    "ENABLE_LDAP_GROUP_CREATION": ("ldap.group.enable_creation", _switch),
    "ENABLE_LDAP_GROUP_MANAGEMENT": ("ldap.group.enable_management", _switch),
    "ENABLE_LOGIN_FORM": ("ui.enable_login_form", _switch),
    "ENABLE_MFA": ("auth.mfa.enable", _switch),
    "ENABLE_SIGNUP": ("ui.enable_signup", _switch),
    "JWT_EXPIRES_IN": ("auth.jwt_expiry", str),
    "LDAP_APP_DN": ("ldap.server.app_dn", str),
    "LDAP_APP_PASSWORD": ("ldap.server.app_password", str),
    "LDAP_ATTRIBUTE_FOR_GROUPS": ("ldap.server.attribute_for_groups", str),
    "LDAP_ATTRIBUTE_FOR_MAIL": ("ldap.server.attribute_for_mail", str),
    "LDAP_ATTRIBUTE_FOR_USERNAME": ("ldap.server.attribute_for_username", str),
    "LDAP_SEARCH_BASE": ("ldap.server.users_dn", str),
    "LDAP_SEARCH_FILTER": ("ldap.server.search_filter", str),
    "LDAP_SERVER_HOST": ("ldap.server.host", str),
    "LDAP_SERVER_LABEL": ("ldap.server.label", str),
    "LDAP_SERVER_PORT": ("ldap.server.port", int),
    "LDAP_USE_TLS": ("ldap.server.use_tls", _switch),
    "LDAP_VALIDATE_CERT": ("ldap.server.validate_cert", _switch),
    "MFA_ALLOW_OAUTH_BYPASS": ("auth.mfa.allow_oauth_bypass", _switch),
    "MFA_ALLOW_TRUSTED_HEADER_BYPASS": ("auth.mfa.allow_trusted_header_bypass", _switch),
}
"""Key in the table and type of the value, by the variable."""


def stored_settings(environment: Mapping[str, str]) -> dict[str, Stored]:
    """What the environment says about stored settings, by the keys of the table."""
    return {key: read(environment[name]) for name, (key, read) in KEYS.items() if name in environment}


def store_settings(connection: Connection, environment: Mapping[str, str]) -> None:
    """Write them to the database, where they differ. Other replicas read them with their next request."""
    settings = stored_settings(environment)
    if not settings or one(connection, b"SELECT to_regclass(%s)", TABLE) is None:
        return
    if changed := write_rows(connection, settings):
        log(f"Settings of sign-in: {len(changed)} of {len(settings)} were written to the database.")


def write_rows(connection: Connection, rows: Mapping[str, Any]) -> list[str]:
    """Write rows of the table where they differ. Returns the keys of those."""
    changed: list[str] = []
    with connection.transaction():
        for key, value in rows.items():
            row = connection.execute(
                b"INSERT INTO config (key, value, updated_at) VALUES (%s, %s::json, %s) ON CONFLICT (key) DO UPDATE"
                b" SET value = excluded.value, updated_at = excluded.updated_at"
                b" WHERE config.value::jsonb IS DISTINCT FROM excluded.value::jsonb RETURNING key",
                (key, json.dumps(value), int(time.time())),
            ).fetchone()
            changed += [key] if row else []
    return changed
