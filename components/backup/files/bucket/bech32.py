"""Bech32, in which age writes its keys: https://github.com/bitcoin/bips/blob/master/bip-0173.mediawiki.

Standard library only: the settings use it, too.
"""

_ALPHABET = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
_GENERATOR = (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)
_CHECKSUM = 6


def decode(text: str) -> tuple[str, bytes] | None:
    """The prefix in lower case, and the data; None if the text is not Bech32 or has a wrong checksum."""
    if text not in (text.lower(), text.upper()):
        return None
    prefix, separator, data = text.lower().rpartition("1")
    if not prefix or not separator or len(data) < _CHECKSUM or any(each not in _ALPHABET for each in data):
        return None
    values = [_ALPHABET.index(each) for each in data]
    if _polymod([*(ord(each) >> 5 for each in prefix), 0, *(ord(each) & 31 for each in prefix), *values]) != 1:
        return None
    decoded = _bytes(values[:-_CHECKSUM])
    return None if decoded is None else (prefix, decoded)


def _polymod(values: list[int]) -> int:
    checksum = 1
    for value in values:
        top = checksum >> 25
        checksum = (checksum & 0x1FFFFFF) << 5 ^ value
        for bit, generator in enumerate(_GENERATOR):
            checksum ^= generator if (top >> bit) & 1 else 0
    return checksum


def _bytes(values: list[int]) -> bytes | None:
    """Groups of 5 bits as bytes; None if what remains at the end is not padding."""
    number = 0
    for value in values:
        number = number << 5 | value
    padding = len(values) * 5 % 8
    if padding >= 5 or number & ((1 << padding) - 1):
        return None
    return (number >> padding).to_bytes(len(values) * 5 // 8, "big")
