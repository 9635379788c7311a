"""Port of the servers and the directories of their containers. Free of Pulumi."""

PORT = 6379

CONFIGURATION_DIRECTORY = "/etc/redis"
"""Configuration and scripts."""

USERS_DIRECTORY = "/etc/redis-acl"
"""ACL files, and the passwords that the scripts use."""

TLS_DIRECTORY = "/etc/redis-tls"
"""Certificate, private key and certificate authority."""

AUTHORITY = f"{TLS_DIRECTORY}/ca.crt"
"""File of the certificate authority."""

DATA_DIRECTORY = "/data"
"""Files of the data."""

STATE_DIRECTORY = "/run/redis"
"""Configuration that a script completes at the start. In memory."""

MEMBER_DIRECTORY = "/var/lib/redis-node"
"""``nodes.conf`` of a cluster member whose data is not on a volume."""
