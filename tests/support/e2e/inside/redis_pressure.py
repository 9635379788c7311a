"""In a web pod, with its own URL of Redis: fill it, empty it again, or keep subscribers waiting. Prints JSON."""

import os
import socket
import time
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

MOST_HELD = 40_000
PAUSE_SECONDS = 0.01


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
            if answer := refused(connection, name, value):
                break
    return {"answer": answer}


def hold(connection, seconds):
    """Take the room that closed connections and deleted keys leave, for so long; how often Redis had none."""
    deadline, number, refusals = time.monotonic() + seconds, 0, 0
    while time.monotonic() < deadline:
        if refused(connection, f"{PREFIX}held:{number}", b"x"):
            refusals += 1
            time.sleep(PAUSE_SECONDS)
        elif (number := number + 1) == MOST_HELD:
            raise SystemExit("Redis takes everything: it is not full")
    return {"refusals": refusals}


def refused(connection, name, value):
    """The answer of a Redis that has no room for the value; empty if it has."""
    try:
        connection.set(name, value, ex=1800)
    except redis.exceptions.OutOfMemoryError as error:
        return str(error)
    return ""


def empty(connection, megabytes):
    names = [name for _, names in keys(megabytes) for name in names]
    names += [f"{PREFIX}held:{number}" for number in range(MOST_HELD)]
    chunks = [names[start : start + 1000] for start in range(0, len(names), 1000)]
    return {"deleted": sum(connection.delete(*chunk) for chunk in chunks)}


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
    steps = {"fill": fill, "hold": hold, "empty": empty, "publish": publish}
    print(json.dumps([steps[name](connection, amount) for name, amount in CONFIG["steps"]]))
