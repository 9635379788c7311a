"""In a web pod: addresses of names. Prints JSON."""

import socket

addresses = {}
for name in CONFIG["names"]:
    try:
        addresses[name] = socket.gethostbyname(name)
    except OSError:
        addresses[name] = None
print(json.dumps(addresses))
