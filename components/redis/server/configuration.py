"""The text of redis.conf.

https://raw.githubusercontent.com/redis/redis/7.4/redis.conf. Redis refuses to start on a directive that it does not
know: only those that Redis 7.0, everything after it and Valkey know are used.
"""

from ..settings import RedisSettings
from .memory import Memory
from .tls import tls_conf

PORT = 6379
CONFIGURATION_DIRECTORY = "/etc/redis"
USERS_DIRECTORY = "/etc/redis-acl"
DATA_DIRECTORY = "/data"
STATE_DIRECTORY = "/run/redis"
NODE_DIRECTORY = "/var/lib/redis-node"
"""Where a cluster's node remembers who it is, when its data is in no volume."""


def redis_conf(settings: RedisSettings) -> str:
    """Configuration of every server of the stack's Redis."""
    figures = settings.figures
    parts = [_BASE, *filter(None, [tls_conf(settings, PORT)]), _durability(settings), _memory(settings, figures)]
    if settings.replicated:
        parts.append(_replication(settings, figures))
    if settings.topology == "cluster":
        parts.append(_cluster(settings))
    return "\n".join((*parts, _LAZY))


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


def _replication(settings: RedisSettings, figures: Memory) -> str:
    return f"""\
{_min_replicas(settings)}\
dir {DATA_DIRECTORY}
# A replica is served at once, not together with others that may come within five seconds.
repl-diskless-sync-delay 0
# An empty replica needs no file, and none is left to start from: it would be of another time.
repl-diskless-load on-empty-db
rdb-del-sync-files yes
client-output-buffer-limit replica {figures.replica} {figures.replica // 4} 60
"""


def _min_replicas(settings: RedisSettings) -> str:
    if settings.topology == "cluster" and settings.cluster.replicas_per_master == 1:
        # A master that is cut off from the other masters stops by itself (cluster-node-timeout). To ask for a replica
        # too would stop a part of the data whenever the only replica restarts.
        return ""
    return """\
# A master without a replica refuses writes: cut off from the others, it would collect what is thrown away later.
min-replicas-to-write 1
min-replicas-max-lag 10
"""


def _cluster(settings: RedisSettings) -> str:
    return f"""\
cluster-enabled yes
cluster-node-timeout {settings.cluster.node_timeout_seconds * 1000}
# A pod that comes back has another address and the same name: clients are told names.
cluster-preferred-endpoint-type hostname
# Without one part of the data the others are served.
cluster-require-full-coverage no
# Cut off from the others, a node does not know which tokens have been signed out since.
cluster-allow-reads-when-down no
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
