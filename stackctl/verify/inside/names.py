"""In a web pod: addresses of names, null for those that do not resolve. Prints JSON."""

import socket

addresses = {}
for name in CONFIG["names"]:
    try:
        addresses[name] = sorted({entry[4][0] for entry in socket.getaddrinfo(name, None)})
    except OSError:
        addresses[name] = None
print(json.dumps(addresses))
