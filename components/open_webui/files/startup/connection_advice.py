"""Advice for a connection that PostgreSQL, TLS or the network refuses. libpq has no codes for these errors, so the
advice depends on the texts of libpq 18, PostgreSQL 15 to 18 and PgBouncer 1.18 to 1.24. There is no advice for a
server whose `lc_messages` is not English.
"""

import re

_AUTHORITY = "postgresql.external.certificateAuthority"
_ADVICE = (
    (
        "server certificate for .* does not match host name",
        "The certificate is for other names. Use one of them in the URL; with sslmode=verify-ca only the authority is "
        "verified.",
    ),
    (
        "certificate verify failed",
        "The certificate was not signed by the authority that this client knows, or is not valid now. "
        f"{_AUTHORITY} has to contain the certificate of the server's authority. sslrootcert=system knows none here.",
    ),
    (
        "root certificate file .* does not exist|weak sslmode",
        f"Set {_AUTHORITY}, or name a file of the image with certificates: "
        "sslrootcert=/etc/ssl/certs/ca-certificates.crt",
    ),
    (
        "server does not support SSL",
        "The URL demands TLS. Turn it on in the server; without it the password's hash and all data are readable on "
        "the network (sslmode=disable).",
    ),
    (
        "no pg_hba.conf entry .*no encryption",
        "The server admits this role only with TLS, or not from this address. Add sslmode=require to the URL, or a "
        "line to pg_hba.conf.",
    ),
    (
        "no pg_hba.conf entry",
        "The server does not admit this role from this address: add a line to pg_hba.conf, or the nodes' addresses to "
        "the firewall of the service.",
    ),
    (
        "password authentication failed|SASL authentication failed|role .* does not exist|no such user",
        "The user or the password of the URL is wrong. Reserved characters in the password are percent-encoded.",
    ),
    (
        "database .* does not exist|no such database",
        "Create it: CREATE DATABASE ... ENCODING 'UTF8' TEMPLATE template0, with the role as its owner.",
    ),
    (
        "too many connections for|too many clients|remaining connection slots|no more connections allowed",
        "All connections are in use. End sessions that others hold (pg_stat_activity), or raise the limit.",
    ),
    (
        "unsupported startup parameter",
        "PgBouncer refuses a parameter of the URL. Remove it, or name it in ignore_startup_parameters of PgBouncer.",
    ),
    (
        "query_wait_timeout|server_login_retry|server login failed",
        "PgBouncer has no server connection for this client: read its log, or raise default_pool_size.",
    ),
    (
        "could not translate host name|failed to resolve host|Name or service not known|name resolution",
        "The name in the URL has no address here: is it spelled right, and known to the cluster's DNS?",
    ),
    (
        "starting up|not yet accepting connections|shutting down|recovery",
        "The server is not ready. If that lasts, read its log.",
    ),
    (
        "Connection refused",
        "Nothing listens on this port, or a firewall rejects it. Is the port right, and listen_addresses?",
    ),
    (
        "timeout expired|timed out|No route to host|Network is unreachable",
        "No answer: a firewall, or a network policy without a rule for this address (postgresql.external.hosts).",
    ),
)


def connection_advice(reason: str) -> str:
    """Advice for a failed connection, from its error on one line. Empty if the error is unknown."""
    return next((advice for pattern, advice in _ADVICE if re.search(pattern, reason, re.IGNORECASE)), "")
