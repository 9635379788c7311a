"""Where the clients of Redis have its certificate authority. Free of Pulumi."""

AUTHORITY_DIRECTORY = "/etc/redis-ca"
"""Directory of ``ca.crt`` in the pods of the clients: URLs name that file."""


def with_authority(url: str) -> str:
    """The URL with the file of the certificate authority, unless it names one itself."""
    if "ssl_ca_certs=" in url:
        return url
    return f"{url}{'&' if '?' in url else '?'}ssl_ca_certs={AUTHORITY_DIRECTORY}/ca.crt"
