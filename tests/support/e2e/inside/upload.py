"""In a web pod: uploads a text file, or returns one. Prints JSON.

CONFIG: the ``token`` of the administrator, and the ``text`` of a new file, or the ``id`` of one.
Prints ``{"id": …}``, or ``{"text": …}`` of the file.
"""

import urllib.request

BOUNDARY = "upload-of-a-test"


def request(path: str, content: bytes | None = None) -> bytes:
    headers = {
        "Authorization": f"Bearer {CONFIG['token']}",
        "Content-Type": f"multipart/form-data; boundary={BOUNDARY}",
    }
    made = urllib.request.Request(f"http://127.0.0.1:8080{path}", content, headers)
    with urllib.request.urlopen(made, timeout=60) as answer:
        return bytes(answer.read())


if "text" in CONFIG:
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="note.txt"\r\n'
    body = f"{head}Content-Type: text/plain\r\n\r\n{CONFIG['text']}\r\n--{BOUNDARY}--\r\n"
    # Nothing extracts its text: there is no service of embeddings.
    print(json.dumps({"id": json.loads(request("/api/v1/files/?process=false", body.encode()))["id"]}))
else:
    print(json.dumps({"text": request(f"/api/v1/files/{CONFIG['id']}/content").decode()}))
