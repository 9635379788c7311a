"""In a web pod: what Redis serves with the application's credentials, and without any. Prints JSON."""

import os
import uuid
from urllib.parse import urlsplit

import redis
import redis.exceptions

result = {}
for name in ("REDIS_URL", "WEBSOCKET_REDIS_URL"):
    key, value = f"open-webui:verify:{uuid.uuid4()}", uuid.uuid4().hex
    connection = redis.Redis.from_url(os.environ[name], decode_responses=True, socket_timeout=5)
    connection.set(key, value, ex=60)
    result[name] = connection.get(key) == value
    connection.delete(key)
    result["subscribers"] = dict(connection.pubsub_numsub("socketio")).get("socketio", 0)
url = urlsplit(os.environ["REDIS_URL"])
stranger = redis.Redis(host=url.hostname, port=url.port or 6379, decode_responses=True, socket_timeout=5)
result["ping"] = stranger.ping()
refused = {}
for command in (
    ["GET", "open-webui:models"],
    ["SET", "x", "1"],
    ["KEYS", "*"],
    ["CONFIG", "GET", "maxmemory"],
    ["FLUSHALL"],
):
    try:
        stranger.execute_command(*command)
        refused[command[0]] = False
    except (redis.exceptions.AuthenticationError, redis.exceptions.NoPermissionError):
        refused[command[0]] = True
result["refused"] = refused
print(json.dumps(result))
