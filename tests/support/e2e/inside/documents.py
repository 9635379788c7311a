"""In a web pod: uploads a document to it, or asks it about one. Prints JSON."""

import base64
import time
import urllib.request

BOUNDARY = "boundary-of-the-test"
URL = "http://127.0.0.1:8080/api"


def request(path, content_type, content):
    headers = {"Content-Type": content_type, "Authorization": f"Bearer {CONFIG['token']}"}
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(urllib.request.Request(URL + path, content, headers), timeout=100) as response:
        return response.read().decode()


def upload():
    head = (
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="{CONFIG["name"]}"\r\n'
        f"Content-Type: {CONFIG['content_type']}\r\n\r\n"
    )
    content = head.encode() + base64.b64decode(CONFIG["content"]) + f"\r\n--{BOUNDARY}--\r\n".encode()
    began = time.monotonic()
    path = "/v1/files/?process=true&process_in_background=false"
    answer = json.loads(request(path, f"multipart/form-data; boundary={BOUNDARY}", content))
    return {"id": answer["id"], "seconds": time.monotonic() - began}


def ask():
    body = {
        "model": CONFIG["model"],
        "stream": True,
        "messages": [{"role": "user", "content": CONFIG["question"]}],
        "files": [{"type": "file", "id": CONFIG["id"]}],
    }
    lines = request("/chat/completions", "application/json", json.dumps(body).encode()).splitlines()
    events = [json.loads(line.removeprefix("data: ")) for line in lines if line.startswith("data: {")]
    choices = [choice for event in events for choice in event.get("choices", [])]
    sources = [source for event in events for source in event.get("sources", [])]
    names = {passage["name"] for source in sources for passage in source["metadata"]}
    return {"text": "".join(each["delta"].get("content") or "" for each in choices), "cited": sorted(names)}


print(json.dumps(upload() if "content" in CONFIG else ask()))
