"""In a web pod, with its own URL of Redis: for how long Redis is away, once it goes. Prints JSON, twice."""

import os
import time

import redis
import redis.backoff
import redis.exceptions
import redis.retry

# The kernel rejects connections to a Service without endpoints at most once a second. A longer wait would count the
# client's own retries.
connection = redis.Redis.from_url(os.environ["REDIS_URL"], socket_timeout=1, socket_connect_timeout=0.1, retry=None)


def answers():
    try:
        return connection.ping()
    except redis.exceptions.RedisError:
        return False


# The Service leads to a new pod a moment after that one is ready.
redis.Redis.from_url(os.environ["REDIS_URL"], retry=redis.retry.Retry(redis.backoff.ConstantBackoff(0.2), 50)).ping()
print(json.dumps({"begun": True}), flush=True)
deadline = time.monotonic() + CONFIG["seconds"]
away = None
while time.monotonic() < deadline:
    here = answers()
    if away is None and not here:
        away = time.monotonic()
    elif away is not None and here:
        print(json.dumps({"away": time.monotonic() - away}), flush=True)
        break
    time.sleep(0.02)
else:
    raise SystemExit("Redis did not go, or did not come back")
