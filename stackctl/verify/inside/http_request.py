"""In a pod: one HTTP request. Prints status and JSON body of the answer; without an answer status 0 and the reason."""

import urllib.error
import urllib.request

headers = {"Content-Type": "application/json"}
if CONFIG.get("token"):
    headers["Authorization"] = f"Bearer {CONFIG['token']}"
data = None if CONFIG.get("json") is None else json.dumps(CONFIG["json"]).encode()
request = urllib.request.Request(CONFIG["url"], data=data, headers=headers, method=CONFIG["method"])
# No proxy, whatever the variables of the image: the pods connect to each other directly.
opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
reason = ""
try:
    with opener.open(request, timeout=CONFIG.get("seconds", 15)) as response:
        status, text = response.status, response.read()
except urllib.error.HTTPError as error:
    status, text = error.code, error.read()
except OSError as error:
    status, text, reason = 0, b"", str(getattr(error, "reason", error)) or type(error).__name__
try:
    body = json.loads(text)
except ValueError:
    body = None
print(json.dumps({"status": status, "body": body, "reason": reason}))
