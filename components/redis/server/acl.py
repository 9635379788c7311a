"""Users of Redis and what each of them may do, as the text of an ACL file.

Syntax: https://redis.io/docs/latest/operate/oss_and_stack/management/security/acl/. Redis refuses to start on a command
that it does not know, so the lists contain only commands of Redis 7.0, which all later releases support.
"""

from collections.abc import Mapping, Sequence
from hashlib import sha256

Rules = Mapping[str, tuple[str, ...]]
"""Rules of an ACL file for each user."""

KEY_PREFIX = "open-webui"
"""Open WebUI's default ``REDIS_KEY_PREFIX``: the prefix of all its keys and its own channels."""

# Commands of Open WebUI 0.12 (its sources, redis-py's locks and pipelines, python-socketio's manager).
# AUTH, HELLO, QUIT and RESET need no permission: clients log in with them.
_OPENWEBUI_COMMANDS: dict[str, tuple[str, ...]] = {
    # Database 0 is the application's, 1 the websockets'; PING is the health check and confirms room subscriptions.
    "connection": ("+ping", "+select"),
    # redis-py sends CLIENT SETINFO, which Redis before 7.2 does not know by name. So the user gets all of CLIENT except
    # subcommands that show or disturb other clients or bypass maxmemory-clients.
    "client": (
        "+client",
        "-client|kill",
        "-client|list",
        "-client|no-evict",
        "-client|pause",
        "-client|tracking",
        "-client|unblock",
        "-client|unpause",
    ),
    # Revoked tokens, rate limits, browser sessions, caches, locks, streamed answers, sizes of notes.
    "strings": ("+get", "+set", "+mget", "+incrby", "+decrby", "+append", "+strlen"),
    "keys": ("+del", "+exists", "+expire"),
    # Pools of sessions, usage and models; running tasks; counters of the encryption relay.
    "hashes": (
        *("+hset", "+hget", "+hmget", "+hgetall", "+hkeys", "+hvals", "+hlen", "+hexists", "+hdel"),
        *("+hscan", "+hincrby"),
    ),
    # Tasks of a chat; who edits a note.
    "sets": ("+sadd", "+srem", "+smembers", "+scard"),
    # Changes of a note since its last snapshot.
    "lists": ("+rpush", "+lrange", "+llen"),
    # Workers that hold a connection to an app.
    "sorted sets": ("+zadd", "+zrem", "+zcount"),
    # A note is compacted in one transaction.
    "transactions": ("+multi", "+exec"),
    # Locks are released and answers appended by scripts; what a script calls is checked against this list too.
    "scripts": ("+eval", "+evalsha", "+script|load"),
    # Events between replicas. Counting the subscribers of `socketio` shows how many replicas are connected.
    "messages": ("+publish", "+subscribe", "+unsubscribe", "+pubsub|numsub"),
}

# Socket.IO's channel and one for each room ignore the key prefix (WEBSOCKET_REDIS_ROOM_CHANNELS); the other two carry
# "stop this task" and answers of models that a browser calls itself.
_OPENWEBUI_CHANNELS = (
    "&socketio",
    "&socketio#*",
    f"&{KEY_PREFIX}:tasks:commands",
    f"&{KEY_PREFIX}:direct_completion",
)

# What redis_exporter sends without check-keys, scripts and CONFIG (REDIS_EXPORTER_CONFIG_COMMAND=-): the part of the
# list in its README ("Authenticating with Redis") that needs no key and changes nothing.
_EXPORTER_COMMANDS = (
    "+ping",
    "+client|setname",
    "+info",
    "+slowlog|get",
    "+slowlog|len",
    "+latency|latest",
    "+latency|histogram",
)


# Loads the file of users again. The user cannot change the contents of the file.
_RELOAD_COMMANDS = ("+acl|load",)

# Commands that a replica sends to its primary.
_REPLICATION_COMMANDS = ("+ping", "+psync", "+replconf")

# https://redis.io/docs/latest/operate/oss_and_stack/management/sentinel/#redis-access-control-list-authentication, the
# one channel instead of all. INFO shows the start script whether a server holds data; PAUSE holds writes during a
# switchover.
_SENTINEL_COMMANDS = (
    "&__sentinel__:hello",
    *("+ping", "+info", "+role", "+publish", "+subscribe", "+slaveof", "+multi", "+exec", "+config|rewrite"),
    *("+client|setname", "+client|kill", "+client|pause", "+client|unpause", "+script|kill"),
)

# The sidecar that has the server read a renewed certificate. Redis has no smaller permission for this. Settings that
# could write a file (`dir`, `dbfilename`) are protected (enable-protected-configs).
_CERTIFICATES_COMMANDS = ("+config|set",)

# Commands of the scripts of a member: the views and data of others, and the failover of a replica.
_CLUSTER_COMMANDS = ("+ping", "+info", "+role", "+cluster|nodes", "+cluster|failover")

# The Job that creates the Redis Cluster. Moving a hash slot reads, writes and deletes its keys on two members.
# redis-cli assigns a slot whose migration was interrupted in a transaction.
_SET_UP_COMMANDS = (
    f"~{KEY_PREFIX}:*",
    *("+ping", "+info", "+role", "+dbsize", "+migrate", "+select", "+restore-asking", "+asking", "+multi", "+exec"),
    *(
        f"+cluster|{name}"
        for name in (
            *("info", "nodes", "myid", "slots", "meet", "forget", "addslotsrange", "replicate", "setslot"),
            *("countkeysinslot", "getkeysinslot", "addslots", "delslots", "bumpepoch"),
        )
    ),
)

# redis-py asks any member for the location of hash slots and for the routing of commands. It asks twice for a key in a
# moving hash slot.
_CLUSTER_CLIENT_COMMANDS = ("+cluster|slots", "+cluster|shards", "+cluster|nodes", "+command", "+asking", "+readonly")

# The readiness of a replica is its link to the primary.
_PROBE_COMMANDS = ("+ping", "+role")

USERS: Rules = {
    "openwebui": (
        f"~{KEY_PREFIX}:*",
        *_OPENWEBUI_CHANNELS,
        *(command for group in _OPENWEBUI_COMMANDS.values() for command in group),
    ),
    "exporter": _EXPORTER_COMMANDS,
    "reload": _RELOAD_COMMANDS,
    "replication": _REPLICATION_COMMANDS,
    "sentinel": _SENTINEL_COMMANDS,
    "probe": _PROBE_COMMANDS,
    "certificates": _CERTIFICATES_COMMANDS,
}
"""Users of a server that have a password, and their rules."""

CLUSTER_USERS: Rules = {
    **{name: rules for name, rules in USERS.items() if name != "sentinel"},
    "openwebui": (*USERS["openwebui"], *_CLUSTER_CLIENT_COMMANDS),
    "exporter": (*USERS["exporter"], "+cluster|info"),
    "cluster": _CLUSTER_COMMANDS,
    "set-up": _SET_UP_COMMANDS,
}
"""Users of a server of a cluster, and their rules."""

SENTINEL_USERS: Rules = {
    # redis-py queries the primaries, and the replicas of one.
    "openwebui": (
        "+ping",
        *(f"+sentinel|{name}" for name in ("masters", "get-master-addr-by-name", "replicas", "slaves")),
    ),
    # The other Sentinels, and the scripts of the nodes.
    "sentinel": (
        "&__sentinel__:hello",
        *("+ping", "+publish", "+subscribe", "+client|setname"),
        *(f"+sentinel|{name}" for name in ("is-master-down-by-addr", "master", "failover")),
    ),
    "reload": _RELOAD_COMMANDS,
}
"""Users of a Sentinel that have a password, and their rules."""


def acl_file(passwords: Mapping[str, Sequence[str]], rules: Rules = USERS) -> str:
    """Text of the ACL file: ``default`` may only PING, other users have the permissions of the rules.

    Args:
        rules: `USERS`, `CLUSTER_USERS` or `SENTINEL_USERS`. Passwords of other users are ignored.
        passwords: the valid passwords of each user: during a rotation the new and the previous one.

    Returns:
        One line per user. It contains only SHA-256 hashes of the passwords. Keep the text in a Secret anyway.

    Raises:
        ValueError: a user has no password, or an empty one; everybody could log in.
    """
    lines = [_user("default", ("nopass",), ("+ping",))]
    for name, valid in ((name, valid) for name, valid in passwords.items() if name in rules):
        if not valid or not all(valid):
            raise ValueError(f"The Redis user {name} has an empty password; everybody could log in. Generate one.")
        lines.append(_user(name, tuple(f"#{sha256(one.encode()).hexdigest()}" for one in valid), rules[name]))
    return "".join(lines)


def _user(name: str, passwords: tuple[str, ...], rules: tuple[str, ...]) -> str:
    # `reset` first removes the permissions that some releases of Redis give to a new user.
    return " ".join(("user", name, "reset", "on", *passwords, *rules)) + "\n"
