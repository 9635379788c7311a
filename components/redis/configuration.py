"""The text of redis.conf.

https://raw.githubusercontent.com/redis/redis/7.4/redis.conf. Redis refuses to start on a directive that it does not
know: only those that Redis 7.0, everything after it and Valkey know are used.
"""

from .memory import Memory
from .settings import RedisSettings

CONFIGURATION_DIRECTORY = "/etc/redis"
USERS_DIRECTORY = "/etc/redis-acl"
DATA_DIRECTORY = "/data"
STATE_DIRECTORY = "/run/redis"


def redis_conf(settings: RedisSettings) -> str:
    """Configuration of every server of the stack's Redis."""
    figures = settings.figures
    replication = (_replication(figures),) if settings.topology == "sentinel" else ()
    return "\n".join((_BASE, _durability(settings), _memory(settings, figures), *replication, _LAZY))


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
# Every write is in the file before it is answered; the file is on the disk a second later.
save ""
appendonly yes
appendfsync everysec
dir {DATA_DIRECTORY}
"""


def _replication(figures: Memory) -> str:
    return f"""\
# A master without a replica refuses writes: cut off from the others, it would collect what is thrown away later.
min-replicas-to-write 1
min-replicas-max-lag 10
dir {DATA_DIRECTORY}
# A replica is served at once, not together with others that may come within five seconds.
repl-diskless-sync-delay 0
# An empty replica needs no file, and none is left to start from: it would be of another time.
repl-diskless-load on-empty-db
rdb-del-sync-files yes
client-output-buffer-limit replica {figures.replica} {figures.replica // 4} 60
"""


def _memory(settings: RedisSettings, figures: Memory) -> str:
    return f"""\
maxmemory {settings.maxmemory}
maxmemory-policy {settings.maxmemory_policy}
# Subscribers that read too slowly are disconnected: each at its own bound, the largest first when all of them together
# reach theirs. Both count against the memory limit of the container.
client-output-buffer-limit pubsub {figures.subscriber} {figures.subscriber // 2} 60
maxmemory-clients {figures.clients}
"""
