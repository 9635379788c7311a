"""In a web pod: access to Redis with the URLs of the replica, and without credentials. Prints JSON."""

import os
import time
import uuid
from urllib.parse import urlsplit

import redis
import redis.exceptions
from redis.cluster import RedisCluster
from redis.sentinel import Sentinel

CHANNEL = "socketio"
# redis-py's error for a Redis Cluster that cannot be reached is not a RedisError.
FAILED = (redis.exceptions.RedisError, redis.exceptions.RedisClusterException)
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


def client(variable):
    """A client like Open WebUI's for that URL: of one server, of a Redis Cluster, or of the primary of Sentinels."""
    url, side = os.environ[variable], "WEBSOCKET_" if variable.startswith("WEBSOCKET_") else "REDIS_"
    if hosts := os.environ.get(f"{side}SENTINEL_HOSTS"):
        host, port = master(url, hosts, int(os.environ.get(f"{side}SENTINEL_PORT") or 26379))
        url = at(url, f"{host}:{port}")
    elif os.environ.get("WEBSOCKET_REDIS_CLUSTER" if side == "WEBSOCKET_" else "REDIS_CLUSTER") == "true":
        return RedisCluster.from_url(url, decode_responses=True, socket_timeout=SECONDS)
    return redis.Redis.from_url(url, decode_responses=True, socket_timeout=SECONDS)


def master(url, hosts, port):
    """Host and port of the primary. The host of the URL is its name for the Sentinels."""
    parts = urlsplit(url)
    credentials = {"username": parts.username, "password": parts.password, "socket_timeout": SECONDS}
    sentinels = [(host.strip(), port) for host in hosts.split(",")]
    return Sentinel(sentinels, sentinel_kwargs=credentials).discover_master(parts.hostname)


def at(url, place):
    """The URL with another host and port."""
    parts = urlsplit(url)
    credentials, has_any, _ = parts.netloc.rpartition("@")
    return parts._replace(netloc=f"{credentials}{has_any}{place}").geturl()


def served(variable):
    """Write, read and delete a key with the application's prefix. It would expire after a minute."""
    key, value = f"open-webui:verify:{uuid.uuid4()}", uuid.uuid4().hex
    try:
        with client(variable) as connection:
            connection.set(key, value, ex=60)
            read, deleted = connection.get(key), connection.delete(key)
    except FAILED as error:
        return reason(error)
    return "" if (read, deleted) == (value, 1) else "a written value was not read back"


def crosses(variable):
    """Publish on a channel of Socket.IO, and receive as a subscriber."""
    channel = f"{CHANNEL}#verify-{uuid.uuid4()}"
    try:
        with client(variable) as connection:
            subscriber = connection.pubsub(ignore_subscribe_messages=True)
            subscriber.subscribe(channel)
            subscriber.get_message(timeout=SECONDS)
            connection.execute_command("PUBLISH", channel, "verify")
            deadline = time.monotonic() + SECONDS
            while time.monotonic() < deadline:
                if subscriber.get_message(timeout=1):
                    return ""
    except FAILED as error:
        return reason(error)
    return "a published message did not arrive"


def without_credentials():
    """The answer to PING, and the data commands that Redis does not reject."""
    parts = urlsplit(os.environ["REDIS_URL"])
    place = parts.netloc.rpartition("@")[2]
    if hosts := os.environ.get("REDIS_SENTINEL_HOSTS"):
        host, port = master(parts.geturl(), hosts, int(os.environ.get("REDIS_SENTINEL_PORT") or 26379))
        place = f"{host}:{port}"
    anonymous = parts._replace(netloc=place, path="").geturl()
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


def subscribers(variable):
    """Subscribers of Socket.IO's channel. Each member of a Redis Cluster counts its own."""
    try:
        with client(variable) as connection:
            places = [{}]
            if isinstance(connection, RedisCluster):
                places = [{"target_nodes": node} for node in connection.get_nodes()]
            answers = [dict(connection.pubsub_numsub(CHANNEL, **place)) for place in places]
            return sum(answer.get(CHANNEL, 0) for answer in answers)
    except FAILED as error:
        return reason(error)


if CONFIG["ask"] == "subscribers":
    print(json.dumps(subscribers("WEBSOCKET_REDIS_URL")))
else:
    websockets = served("WEBSOCKET_REDIS_URL") or crosses("WEBSOCKET_REDIS_URL")
    result = {"REDIS_URL": served("REDIS_URL"), "WEBSOCKET_REDIS_URL": websockets}
    print(json.dumps({**result, "commands": len(DATA_COMMANDS), **without_credentials()}))
