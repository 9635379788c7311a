"""The certificate authority of Redis in the URLs of its clients."""

from ...blocks.authority import Authority
from ...blocks.url_parameters import with_parameters


def authority(secret: str) -> Authority:
    """The authority in that Secret."""
    return Authority(server="redis", secret=secret)


def with_authority(url: str, authority: Authority) -> str:
    """The URL with the file of the authority, unless it names one itself."""
    return with_parameters(url, {"ssl_ca_certs": authority.file})
