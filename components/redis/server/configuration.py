"""The text of redis.conf.

https://raw.githubusercontent.com/redis/redis/7.4/redis.conf. Redis refuses to start on a directive that it does not
know: only those that Redis 7.0, everything after it and Valkey know are used.
"""

from ..settings import RedisSettings
from ..topologies.base import ServerTopology
from .memory import Memory
from .places import AUTHORITY, DATA_DIRECTORY, PORT, TLS_DIRECTORY, USERS_DIRECTORY


def redis_conf(settings: RedisSettings, layout: ServerTopology) -> str:
    """Configuration of every server of the stack's Redis."""
    figures = settings.figures
    tls = [_tls(layout)] if settings.tls.enabled else []
    return "\n".join((_BASE, *tls, _durability(settings), _memory(settings, figures), *layout.directives, _LAZY))


_BASE = f"""\
# The default user may PING and nothing else (users.acl), so that the server can be open to its clients.
protected-mode no
aclfile {USERS_DIRECTORY}/users.acl
tcp-keepalive 60
"""

_LAZY = """\
# Free memory in the background: deleting a large hash does not stop the other clients.
lazyfree-lazy-eviction yes
lazyfree-lazy-expire yes
lazyfree-lazy-server-del yes
lazyfree-lazy-user-del yes
lazyfree-lazy-user-flush yes
replica-lazy-flush yes
"""


def _durability(settings: RedisSettings) -> str:
    if settings.durability == "none":
        return """\
# No persistence: what must survive is in PostgreSQL.
save ""
appendonly no
"""
    return f"""\
# A write is in the file before it is answered, except during an fsync: then up to two seconds later.
# The file is on the disk a second later.
save ""
appendonly yes
appendfsync everysec
dir {DATA_DIRECTORY}
"""


def _tls(layout: ServerTopology) -> str:
    # The comment is part of the file, so a change of the comment rolls the pods.
    return f"""\
# Who connects shows a password, not a certificate.
port 0
tls-port {PORT}
tls-cert-file {TLS_DIRECTORY}/tls.crt
tls-key-file {TLS_DIRECTORY}/tls.key
tls-ca-cert-file {AUTHORITY}
tls-auth-clients no
tls-protocols "TLSv1.2 TLSv1.3"
{layout.tls_directives}"""


def _memory(settings: RedisSettings, figures: Memory) -> str:
    return f"""\
maxmemory {settings.maxmemory}
maxmemory-policy {settings.maxmemory_policy}
# Subscribers that read too slowly are disconnected: each at its own bound, the largest first when all of them together
# reach theirs. Both count against the memory limit of the container.
client-output-buffer-limit pubsub {figures.subscriber} {figures.subscriber // 2} 60
maxmemory-clients {figures.clients}
"""
