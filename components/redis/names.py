"""Names of Redis' objects that clients and the operator's commands use. All are fixed."""

APP = "redis"
"""Label `app`; name of the workload, its container, the ServiceAccount, the network policy and the budget."""

SERVICE = "redis-service"
"""Service of the servers that are ready."""

CONNECTION_SECRET = "redis-config"
"""Secret of the clients, with both URLs (`blocks.connection_keys`)."""

USERS_SECRET = "redis-acl"
"""Secret with the users of the stack's own Redis and their passwords."""

CLIENT_USER = "openwebui"
"""User of the clients."""

GENERATED_PASSWORD = "redis-password"
"""Logical name of the generated passwords, to which a hyphen and the number of the rotation are appended."""
