"""In a web pod: what Redis serves with the replica's own URLs, and without credentials. Prints JSON."""

import os
import time
import uuid
from urllib.parse import urlsplit

import redis
import redis.exceptions

CHANNEL = "socketio"
SECONDS = 5
DATA_COMMANDS = (
    ["GET", "open-webui:models"],
    ["SET", "open-webui:verify", "1", "EX", "1"],
    ["SCAN", "0"],
    ["PUBLISH", f"{CHANNEL}#verify", ""],
    ["CONFIG", "GET", "maxmemory"],
    ["ACL", "LIST"],
)


def reason(error):
    """First words of Redis's own answer (NOPERM, WRONGPASS ...), else the kind of error."""
    return f"{type(error).__name__}: {error}"


def served(url):
    """A key of the application's own prefix is written, read and deleted. It would end by itself after a minute."""
    key, value = f"open-webui:verify:{uuid.uuid4()}", uuid.uuid4().hex
    try:
        with redis.Redis.from_url(url, decode_responses=True, socket_timeout=SECONDS) as connection:
            connection.set(key, value, ex=60)
            read, deleted = connection.get(key), connection.delete(key)
    except redis.exceptions.RedisError as error:
        return reason(error)
    return "" if (read, deleted) == (value, 1) else "what was written was not read back"


def crosses(url):
    """What is published on a channel of Socket.IO's rooms reaches a subscriber."""
    channel = f"{CHANNEL}#verify-{uuid.uuid4()}"
    try:
        with redis.Redis.from_url(url, decode_responses=True, socket_timeout=SECONDS) as connection:
            subscriber = connection.pubsub(ignore_subscribe_messages=True)
            subscriber.subscribe(channel)
            subscriber.get_message(timeout=SECONDS)
            connection.publish(channel, "verify")
            deadline = time.monotonic() + SECONDS
            while time.monotonic() < deadline:
                if subscriber.get_message(timeout=1):
                    return ""
    except redis.exceptions.RedisError as error:
        return reason(error)
    return "what was published did not arrive"


def without_credentials(url):
    """The answer to PING, and the data commands that are not refused."""
    parts = urlsplit(url)
    anonymous = parts._replace(netloc=parts.netloc.rpartition("@")[2], path="").geturl()
    with redis.Redis.from_url(anonymous, decode_responses=True, socket_timeout=SECONDS) as stranger:
        try:
            ping = "PONG" if stranger.ping() else "no answer"
        except redis.exceptions.RedisError as error:
            ping = reason(error)
        allowed = []
        for command in DATA_COMMANDS:
            try:
                stranger.execute_command(*command)
            except (redis.exceptions.AuthenticationError, redis.exceptions.NoPermissionError):
                continue
            except redis.exceptions.RedisError as error:
                allowed.append(f"{command[0]} ({reason(error)})")
            else:
                allowed.append(command[0])
    return {"ping": ping, "allowed": allowed}


def subscribers(url):
    try:
        with redis.Redis.from_url(url, decode_responses=True, socket_timeout=SECONDS) as connection:
            return dict(connection.pubsub_numsub(CHANNEL)).get(CHANNEL, 0)
    except redis.exceptions.RedisError as error:
        return reason(error)


application, websockets = os.environ["REDIS_URL"], os.environ["WEBSOCKET_REDIS_URL"]
if CONFIG["ask"] == "subscribers":
    print(json.dumps(subscribers(websockets)))
else:
    result = {"REDIS_URL": served(application), "WEBSOCKET_REDIS_URL": served(websockets) or crosses(websockets)}
    print(json.dumps({**result, "commands": len(DATA_COMMANDS), **without_credentials(application)}))
