"""In the network of a pod, run by this machine: a line at each change of whether Open WebUI answers.

Prints the time (seconds since the epoch) and 1 or 0, until it is ended. The first argument is the interval in seconds.
"""

import sys
import time
import urllib.error
import urllib.request

URL = "http://127.0.0.1:8080/health/db"
PATIENCE_SECONDS = 5


def answers():
    try:
        with urllib.request.urlopen(URL, timeout=PATIENCE_SECONDS) as response:
            return response.status == 200
    except (OSError, urllib.error.URLError):
        return False


before = None
while True:
    now = answers()
    if now != before:
        print(time.time(), int(now), flush=True)
        before = now
    time.sleep(float(sys.argv[1]))
