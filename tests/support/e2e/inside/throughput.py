"""In the client pod: browsers that use Open WebUI without a pause for a number of seconds.

Each is a user of its own with a websocket. Again and again it does what the page does when a chat is opened and
continued: it loads the settings, the models, the list of chats and its newest chat, asks a question, and reads the
answer, which comes as events. Measures from the moment in which all have read their first answer.
Prints one line of JSON.
"""

import asyncio
import contextlib
import time
import uuid

import aiohttp
import socketio

ANSWER_SECONDS = 60
PAGES = ("/api/config", "/api/models", "/api/v1/chats/?page=1", "/api/v1/folders/", "/api/v1/users/user/settings")
requests, answers, failures, ready = [], [], [], set()
measuring = asyncio.Event()
until = float("inf")


def session(token):
    # A connection for each request: the Service spreads them over the replicas.
    connector = aiohttp.TCPConnector(force_close=True, limit=0)
    headers = {"Authorization": f"Bearer {token}"}
    return aiohttp.ClientSession(connector=connector, headers=headers, timeout=aiohttp.ClientTimeout(total=30))


class Browser:
    def __init__(self, number, web, token):
        self.number, self.web, self.token, self.chat = number, web, token, None
        self.message, self.read = None, asyncio.Event()

    async def call(self, method, path, body=None):
        """The body of the answer. Its time counts when it begins while it is measured."""
        begun, counts = time.monotonic(), measuring.is_set()
        try:
            async with self.web.request(method, CONFIG["url"] + path, json=body) as response:
                text = await response.json()
                error = None if response.status == 200 else f"{method} {path}: {response.status}"
        except (TimeoutError, aiohttp.ClientError, OSError, ValueError) as failure:
            text, error = None, f"{method} {path}: {type(failure).__name__}"
        if counts:
            (failures.append(error) if error else requests.append(time.monotonic() - begun))
        return None if error else text

    async def run(self):
        client = socketio.AsyncClient(reconnection=True, reconnection_delay=1)
        client.on("events", self.event)
        await client.connect(
            CONFIG["url"], socketio_path="/ws/socket.io", transports=["websocket"], auth={"token": self.token}
        )
        await client.call("user-join", {"auth": {"token": self.token}}, timeout=20)
        while time.monotonic() < until:
            for page in PAGES:
                await self.call("GET", page)
            if self.chat:
                await self.call("GET", f"/api/v1/chats/{self.chat}")
            await self.ask(client.sid)
            ready.add(self.number)
        await client.disconnect()

    def event(self, data):
        if data.get("message_id") != self.message:
            return
        if (data["data"].get("data") or {}).get("done"):
            self.read.set()

    async def ask(self, sid):
        question = f"Say {CONFIG['words']} words."
        self.message, begun, counts = str(uuid.uuid4()), time.monotonic(), measuring.is_set()
        self.read.clear()
        user = {"id": str(uuid.uuid4()), "parentId": None, "role": "user", "content": question}
        body = {
            "stream": True,
            "model": CONFIG["model"],
            "messages": [{"role": "user", "content": question}],
            "session_id": sid,
            "id": self.message,
            "parent_id": None,
            "user_message": {**user, "timestamp": int(time.time()), "models": [CONFIG["model"]]},
            "background_tasks": {},
        }
        accepted = await self.call("POST", "/api/chat/completions", body)
        if not accepted:
            await asyncio.sleep(0.5)
            return
        self.chat = accepted["chat_id"]
        try:
            await asyncio.wait_for(self.read.wait(), ANSWER_SECONDS)
        except TimeoutError:
            failures.append("no end of the answer")
            return
        if counts:
            answers.append(time.monotonic() - begun)


async def account(admin):
    mark = uuid.uuid4().hex
    body = {"name": mark[:8], "email": f"{mark}@example.com", "password": mark, "role": "admin"}
    async with admin.post(CONFIG["url"] + "/api/v1/auths/add", json=body) as response:
        return (await response.json())["token"]


async def main():
    global until
    async with contextlib.AsyncExitStack() as sessions:
        admin = await sessions.enter_async_context(session(CONFIG["token"]))
        browsers = []
        for number in range(CONFIG["browsers"]):
            token = await account(admin)
            browsers.append(Browser(number, await sessions.enter_async_context(session(token)), token))
        running = [asyncio.create_task(browser.run()) for browser in browsers]
        while len(ready) < len(browsers):
            if ended := [task for task in running if task.done()]:
                await ended[0]
            await asyncio.sleep(0.1)
        begun = time.monotonic()
        measuring.set()
        await asyncio.sleep(CONFIG["seconds"])
        measuring.clear()
        until = time.monotonic()
        seconds = until - begun
        await asyncio.gather(*running)
    print(json.dumps({"seconds": seconds, "requests": requests, "answers": answers, "failures": failures}), flush=True)


asyncio.run(main())
