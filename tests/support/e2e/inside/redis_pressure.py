"""In a web pod, with its own URL of Redis: fill it, empty it again, or keep subscribers waiting. Prints JSON."""

import os
import socket
from urllib.parse import urlsplit

import redis
import redis.backoff
import redis.retry

URL = os.environ["REDIS_URL"]
PREFIX = "open-webui:fill:"
VALUE = os.urandom(128 * 1024)


def fill(connection, megabytes):
    """Write values until there are so many, or Redis has no room; how many were written, and its answer."""
    for number in range(megabytes * 8):
        try:
            connection.set(f"{PREFIX}{number}", VALUE, ex=1800)
        except redis.exceptions.OutOfMemoryError as error:
            return {"written": number, "answer": str(error)}
    return {"written": megabytes * 8, "answer": ""}


def empty(connection, megabytes):
    return {"deleted": sum(connection.delete(f"{PREFIX}{number}") for number in range(megabytes * 8))}


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
