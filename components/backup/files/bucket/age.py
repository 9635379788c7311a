"""Files in the format of age, for recipients with keys of X25519: https://age-encryption.org/v1.

The image has no program `age`. The primitives are those of `cryptography`; tests exchange files with the real program.
"""

import base64
import binascii
import hashlib
import hmac
import os
from collections.abc import Iterator, Sequence

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from .bech32 import decode
from .streams import Readable, Reader

_VERSION = b"age-encryption.org/v1"
_X25519 = b"age-encryption.org/v1/X25519"
_CHUNK = 64 * 1024
_TAG = 16
_LONGEST_LINE = 1 << 16


class AgeError(Exception):
    """A key or a file is not valid. The message quotes neither of them."""


def recipient_key(text: str) -> bytes:
    """The public key of ``age1…``.

    Raises:
        AgeError: it is not a recipient.
    """
    return _key(text, "age", "a recipient (age1...)")


def identity_key(text: str) -> bytes:
    """The private key of a file as `age-keygen` writes it: its first line that is neither empty nor a comment.

    Raises:
        AgeError: the file contains no identity.
    """
    lines = [line.strip() for line in text.splitlines() if line.strip() and not line.startswith("#")]
    return _key(lines[0] if lines else "", "age-secret-key-", "an identity (AGE-SECRET-KEY-1...)")


def _key(text: str, prefix: str, what: str) -> bytes:
    decoded = decode(text)
    if decoded is None or decoded[0] != prefix or len(decoded[1]) != 32:
        raise AgeError(f"The age key is not {what}.")
    return decoded[1]


def encrypted(source: Readable, recipients: Sequence[bytes]) -> Reader:
    """The encrypted contents of a stream.

    Args:
        source: the plain contents.
        recipients: public keys; the owner of any of them can decrypt it.
    """
    file_key = os.urandom(16)
    lines = [_VERSION, *(line for recipient in recipients for line in _stanza(file_key, recipient)), b"---"]
    header = b"\n".join(lines)
    nonce = os.urandom(16)
    return Reader(_encrypted(source, header + b" " + _base64(_mac(file_key, header)) + b"\n" + nonce, file_key, nonce))


def _encrypted(source: Readable, head: bytes, file_key: bytes, nonce: bytes) -> Iterator[bytes]:
    yield head
    cipher = ChaCha20Poly1305(_derived(file_key, nonce, b"payload"))
    number, chunk = 0, _chunk(source, _CHUNK)
    while True:
        following = _chunk(source, _CHUNK)
        yield cipher.encrypt(_nonce(number, last=not following), chunk, None)
        if not following:
            return
        number, chunk = number + 1, following


def decrypted(source: Readable, identity: bytes) -> Reader:
    """The plain contents of an encrypted stream.

    Reading to the end raises AgeError if the stream was changed or cut short.

    Raises:
        AgeError: it is not a file of age, or not one for this identity.
    """
    header, stanzas, mac = _header(source)
    file_key = next((key for stanza in stanzas if (key := _unwrapped(*stanza, identity))), None)
    if file_key is None:
        raise AgeError("The set is encrypted for other recipients: this age identity does not decrypt it.")
    if not hmac.compare_digest(mac, _mac(file_key, header)):
        raise AgeError("The header of an encrypted object was changed.")
    nonce = _chunk(source, 16)
    return Reader(_decrypted(source, ChaCha20Poly1305(_derived(file_key, nonce, b"payload"))))


def _decrypted(source: Readable, cipher: ChaCha20Poly1305) -> Iterator[bytes]:
    number, chunk = 0, _chunk(source, _CHUNK + _TAG)
    while True:
        following = _chunk(source, _CHUNK + _TAG)
        try:
            plain = cipher.decrypt(_nonce(number, last=not following), chunk, None)
        except (InvalidTag, ValueError):
            raise AgeError("An encrypted object was changed or cut short.") from None
        if number and not plain:
            raise AgeError("An encrypted object ends with an empty chunk, which age does not write.")
        yield plain
        if not following:
            return
        number, chunk = number + 1, following


def _header(source: Readable) -> tuple[bytes, list[tuple[list[bytes], bytes]], bytes]:
    """Returns the bytes that the MAC covers, the stanzas with their bodies, and the MAC."""
    lines = [_line(source)]
    if lines[0] != _VERSION:
        raise AgeError("It is not a file of age.")
    stanzas: list[tuple[list[bytes], bytes]] = []
    while (line := _line(source)).startswith(b"-> "):
        lines.append(line)
        body = b""
        while True:
            lines.append(part := _line(source))
            body += part
            if len(part) < 64:
                break
        stanzas.append((line.split(b" ")[1:], _unbase64(body)))
    if not line.startswith(b"--- "):
        raise AgeError("The header of an encrypted object is damaged.")
    return b"\n".join([*lines, b"---"]), stanzas, _unbase64(line[4:])


def _line(source: Readable) -> bytes:
    line = b""
    while not line.endswith(b"\n"):
        character = source.read(1)
        if not character or len(line) > _LONGEST_LINE:
            raise AgeError("It is not a file of age.")
        line += character
    return line[:-1]


def _stanza(file_key: bytes, recipient: bytes) -> list[bytes]:
    ephemeral = X25519PrivateKey.generate()
    share = ephemeral.public_key().public_bytes_raw()
    shared = ephemeral.exchange(X25519PublicKey.from_public_bytes(recipient))
    wrapped = ChaCha20Poly1305(_derived(shared, share + recipient, _X25519)).encrypt(bytes(12), file_key, None)
    return [b"-> X25519 " + _base64(share), _base64(wrapped)]


def _unwrapped(arguments: list[bytes], body: bytes, identity: bytes) -> bytes | None:
    if len(arguments) != 2 or arguments[0] != b"X25519" or len(body) != 32:
        return None
    own, share = X25519PrivateKey.from_private_bytes(identity), _unbase64(arguments[1])
    try:
        shared = own.exchange(X25519PublicKey.from_public_bytes(share))
        key = _derived(shared, share + own.public_key().public_bytes_raw(), _X25519)
        return bytes(ChaCha20Poly1305(key).decrypt(bytes(12), body, None))
    except (InvalidTag, ValueError):
        return None


def _derived(secret: bytes, salt: bytes, purpose: bytes) -> bytes:
    return bytes(HKDF(algorithm=SHA256(), length=32, salt=salt or None, info=purpose).derive(secret))


def _mac(file_key: bytes, header: bytes) -> bytes:
    return hmac.new(_derived(file_key, b"", b"header"), header, hashlib.sha256).digest()


def _nonce(number: int, *, last: bool) -> bytes:
    return number.to_bytes(11, "big") + bytes([last])


def _chunk(source: Readable, size: int) -> bytes:
    """Reads exactly ``size`` bytes, fewer only at the end."""
    parts = []
    while size and (part := source.read(size)):
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


def _base64(value: bytes) -> bytes:
    return base64.b64encode(value).rstrip(b"=")


def _unbase64(text: bytes) -> bytes:
    try:
        return base64.b64decode(text + b"=" * (-len(text) % 4), validate=True)
    except binascii.Error:
        raise AgeError("The header of an encrypted object is damaged.") from None
