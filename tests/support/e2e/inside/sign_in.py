"""In the client pod: a token of the administrator. Prints JSON."""

import urllib.request

body = json.dumps({"email": CONFIG["email"], "password": CONFIG["password"]}).encode()
headers = {"Content-Type": "application/json"}
request = urllib.request.Request(f"{CONFIG['url']}/api/v1/auths/signin", body, headers)
with urllib.request.urlopen(request, timeout=30) as response:
    print(json.dumps({"token": json.load(response)["token"]}))
