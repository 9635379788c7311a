"""In a web pod, with its own URL of Redis: fill it, empty it again, or keep subscribers waiting. Prints JSON."""

import os
import socket
from urllib.parse import urlsplit

import redis
import redis.backoff
import redis.retry

URL = os.environ["REDIS_URL"]
PREFIX = "open-webui:fill:"
SIZES = (128 * 1024, 1024, 16)
"""Bytes of the values. A large one is refused while a small one still fits: the server counts what it has received."""

MOST_SMALL = 4096
"""Values of each smaller size: enough for the room that a refused larger one leaves."""


def keys(megabytes):
    """The keys of each size that fill so many megabytes."""
    for size in SIZES:
        count = megabytes * 2**20 // size if size == SIZES[0] else MOST_SMALL
        yield size, [f"{PREFIX}{size}:{number}" for number in range(count)]


def fill(connection, megabytes):
    """Write values until there are so many, or Redis has no room for the smallest; its answer, empty if it took all."""
    answer = ""
    for size, names in keys(megabytes):
        value, answer = os.urandom(size), ""
        for name in names:
            try:
                connection.set(name, value, ex=1800)
            except redis.exceptions.OutOfMemoryError as error:
                answer = str(error)
                break
    return {"answer": answer}


def empty(connection, megabytes):
    return {"deleted": sum(connection.delete(*names) for _, names in keys(megabytes))}


def slow_subscriber():
    """A subscriber of Socket.IO's channel that reads nothing of what it is sent."""
    url = urlsplit(URL)
    connection = socket.create_connection((url.hostname, url.port or 6379))
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    login = f"AUTH {url.username} {url.password}\r\n" if url.password else ""
    connection.sendall(f"{login}SUBSCRIBE socketio\r\n".encode())
    return connection


def publish(connection, count):
    """Keep ten subscribers waiting for large messages; how many are still there afterwards."""
    before = connection.pubsub_numsub("socketio")[0][1]
    waiting = [slow_subscriber() for _ in range(10)]
    while connection.pubsub_numsub("socketio")[0][1] < before + len(waiting):
        pass
    for _ in range(count):
        connection.publish("socketio", b"x" * 2**20)
    left = connection.pubsub_numsub("socketio")[0][1]
    for subscriber in waiting:
        subscriber.close()
    return {"before": before, "subscribed": before + len(waiting), "left": left}


# The Service leads to a new pod a moment after that one is ready.
redis.Redis.from_url(URL, retry=redis.retry.Retry(redis.backoff.ConstantBackoff(0.2), 50)).ping()
with redis.Redis.from_url(URL, socket_timeout=30) as connection:
    steps = {"fill": fill, "empty": empty, "publish": publish}
    print(json.dumps([steps[name](connection, amount) for name, amount in CONFIG["steps"]]))
