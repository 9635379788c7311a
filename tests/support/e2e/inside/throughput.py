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

ANSWER_SECONDS, READY_SECONDS, ANSWERS_IN_A_ROW = 60, 150, 20
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
        self.unready = "no answer of the model yet"

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
        if error:
            self.unready = error
        return None if error else text

    async def connect(self):
        """A joined websocket. The page, too, tries again until it has one; each failure while it is measured counts."""
        while True:
            client = socketio.AsyncClient(reconnection=True, reconnection_delay=1)
            client.on("events", self.event)
            auth = {"token": self.token}
            try:
                await client.connect(CONFIG["url"], socketio_path="/ws/socket.io", transports=["websocket"], auth=auth)
                await client.call("user-join", {"auth": auth}, timeout=20)
            except (socketio.exceptions.SocketIOError, TimeoutError) as failure:
                self.unready = f"websocket: {type(failure).__name__}"
                if measuring.is_set():
                    failures.append(self.unready)
                await client.shutdown()
                await asyncio.sleep(1)
            except asyncio.CancelledError:
                await client.shutdown()
                raise
            else:
                return client

    async def run(self):
        client = await self.connect()
        try:
            while time.monotonic() < until:
                for page in PAGES:
                    await self.call("GET", page)
                if self.chat:
                    await self.call("GET", f"/api/v1/chats/{self.chat}")
                await self.ask(client.sid)
                if self.chat:
                    ready.add(self.number)
        finally:
            # Otherwise what it leaves fails after the end, and hides the reason of a measurement that did not begin.
            await client.shutdown()

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
        if response.status != 200:
            raise SystemExit(f"no account: status {response.status}")
        return (await response.json())["token"]


async def reachable(web):
    """Wait until the Service answers many times in a row: it may still lead to a pod that has left."""
    deadline, row = time.monotonic() + READY_SECONDS, 0
    while row < ANSWERS_IN_A_ROW:
        try:
            async with web.get(CONFIG["url"] + "/health/db") as response:
                row = row + 1 if response.status == 200 else 0
        except (TimeoutError, aiohttp.ClientError, OSError):
            row = 0
        if time.monotonic() > deadline:
            raise SystemExit(f"not reachable {ANSWERS_IN_A_ROW} times in a row within {READY_SECONDS} s")
        await asyncio.sleep(0.05)


async def all_ready(browsers, running):
    """Wait until each browser has read its first answer."""
    deadline = time.monotonic() + READY_SECONDS
    while len(ready) < len(browsers):
        for task in running:
            if task.done():
                task.result()
                raise SystemExit("a browser ended before the measurement")
        if time.monotonic() > deadline:
            waiting = {browser.unready for browser in browsers if browser.number not in ready}
            raise SystemExit(f"{len(ready)} of {len(browsers)} browsers are ready: {', '.join(sorted(waiting))}")
        await asyncio.sleep(0.1)


async def measure(browsers):
    global until
    running = [asyncio.create_task(browser.run()) for browser in browsers]
    try:
        await all_ready(browsers, running)
        begun = time.monotonic()
        measuring.set()
        await asyncio.sleep(CONFIG["seconds"])
        measuring.clear()
        until = time.monotonic()
        await asyncio.gather(*running)
        return until - begun
    finally:
        # The sessions are closed after this: no browser may still use one.
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)


async def main():
    async with contextlib.AsyncExitStack() as sessions:
        admin = await sessions.enter_async_context(session(CONFIG["token"]))
        await reachable(admin)
        browsers = []
        for number in range(CONFIG["browsers"]):
            token = await account(admin)
            browsers.append(Browser(number, await sessions.enter_async_context(session(token)), token))
        seconds = await measure(browsers)
    print(json.dumps({"seconds": seconds, "requests": requests, "answers": answers, "failures": failures}), flush=True)


asyncio.run(main())
