"""What PostgreSQL stores of a password: a SCRAM-SHA-256 verifier, from which the password cannot be read."""

from base64 import b64encode
from hashlib import pbkdf2_hmac, sha256
from hmac import digest

ITERATIONS = 4096
"""PostgreSQL's own number: https://www.postgresql.org/docs/17/runtime-config-connection.html#GUC-SCRAM-ITERATIONS"""

_SALT_BYTES = 16


def scram_verifier(role: str, password: str) -> str:
    """The verifier of a password, which `ALTER ROLE … PASSWORD` takes in its place (RFC 5803).

    The same password has the same verifier, or every preview would show a change. The salt is therefore derived from
    the password: as slowly as the verifier, so that a guess costs no less than with a random one.

    Args:
        role: name of the role, so that two roles with one password have different verifiers.
        password: printable ASCII, which SASLprep (RFC 4013) does not change.

    Raises:
        ValueError: it has other characters. The message never quotes it.
    """
    if not password.isascii() or not password.isprintable():
        raise ValueError(f"the password of {role} has characters beyond printable ASCII")
    salt = pbkdf2_hmac("sha256", password.encode(), f"salt of {role}".encode(), ITERATIONS)[:_SALT_BYTES]
    salted = pbkdf2_hmac("sha256", password.encode(), salt, ITERATIONS)
    stored = sha256(digest(salted, b"Client Key", "sha256")).digest()
    server = digest(salted, b"Server Key", "sha256")
    encoded = {
        name: b64encode(value).decode() for name, value in (("salt", salt), ("stored", stored), ("server", server))
    }
    return "SCRAM-SHA-256${iterations}:{salt}${stored}:{server}".format(iterations=ITERATIONS, **encoded)
