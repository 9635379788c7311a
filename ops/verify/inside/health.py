"""In a web pod: status codes of its own health endpoints. Prints JSON."""

import urllib.error
import urllib.request

codes = {}
for path in CONFIG["paths"]:
    try:
        codes[path] = urllib.request.urlopen(f"http://127.0.0.1:8080{path}", timeout=10).status
    except urllib.error.HTTPError as error:
        codes[path] = error.code
    except OSError as error:
        codes[path] = str(error)
print(json.dumps(codes))
