"""In the client pod: browsers that ask and read their answers, one after the other, until /tmp/answered is there.

Each is a user of its own. It does what the page does (Chat.svelte of Open WebUI 0.12.4): it asks over HTTP, with the
id of its websocket; the answer comes as events. When the websocket has come back, it asks which tasks the chat has,
and loads the chat when there are none. Prints a line of JSON when every browser reads its first answer, and one with
what became of each answer at the end.
"""

import asyncio
import contextlib
import os
import time
import uuid

import aiohttp
import socketio

STOP = "/tmp/answered"
LATE_SECONDS = 60
answers, reading = [], set()


def session(token):
    # A connection for each request: a kept one would stay with the pod it has found.
    connector = aiohttp.TCPConnector(force_close=True, limit=0)
    headers = {"Authorization": f"Bearer {token}"}
    return aiohttp.ClientSession(connector=connector, headers=headers, timeout=aiohttp.ClientTimeout(total=30))


async def call(web, method, path, body=None):
    """The body of an answer with status 200, else None."""
    try:
        async with web.request(method, CONFIG["url"] + path, json=body) as response:
            return await response.json() if response.status == 200 else None
    except (TimeoutError, aiohttp.ClientError, OSError, ValueError):
        return None


class Browser:
    def __init__(self, number):
        self.number, self.socket, self.answer, self.web = number, None, None, None

    async def run(self, admin):
        mark = uuid.uuid4().hex[:8]
        account = {"name": mark, "email": f"{mark}@example.com", "password": uuid.uuid4().hex, "role": "admin"}
        token = (await call(admin, "POST", "/api/v1/auths/add", account))["token"]
        async with session(token) as self.web:
            connection = asyncio.create_task(self.stay_connected(token))
            while not self.socket:
                await asyncio.sleep(0.1)
            while not os.path.exists(STOP):
                await self.ask()
            connection.cancel()

    async def stay_connected(self, token):
        """As the page: connects again by itself, after a second."""
        while True:
            client = socketio.AsyncClient(reconnection=False)
            client.on("events", self.event)
            try:
                await client.connect(
                    CONFIG["url"], socketio_path="/ws/socket.io", transports=["websocket"], auth={"token": token}
                )
                await client.call("user-join", {"auth": {"token": token}}, timeout=5)
            except Exception:
                with contextlib.suppress(Exception):
                    await client.disconnect()
                await asyncio.sleep(1)
                continue
            self.socket = client
            await self.connected()
            await client.wait()
            if self.answer:
                self.answer["reconnections"] += 1
            await asyncio.sleep(1)

    async def connected(self):
        answer = self.answer
        if answer and answer["chat"]:
            tasks = await call(self.web, "GET", f"/api/tasks/chat/{answer['chat']}")
            if tasks is not None and not tasks["task_ids"] and await self.stored(answer):
                answer["seen"] = True

    def event(self, data):
        answer = self.answer
        if not answer or data.get("message_id") != answer["message"]:
            return
        kind, content = data["data"].get("type"), data["data"].get("data") or {}
        if kind in ("chat:completion", "response:completion"):
            answer["begun"] = True
            reading.add(self.number)
            answer["seen"] = answer["seen"] or bool(content.get("done"))

    async def stored(self, answer):
        """The message as the database has it, if it is complete."""
        chat = await call(self.web, "GET", f"/api/v1/chats/{answer['chat']}")
        message = ((chat or {}).get("chat") or {}).get("history", {}).get("messages", {}).get(answer["message"], {})
        answer["stored"] = (message.get("content") or "")[:20000]
        answer["done"] = bool(message.get("done"))
        return answer["done"]

    async def ask(self):
        question = f"Speak for {CONFIG['seconds']} s, number {self.number}."
        user = {"id": str(uuid.uuid4()), "parentId": None, "role": "user", "content": question}
        answer = {"message": str(uuid.uuid4()), "chat": None, "question": question, "reconnections": 0}
        answer |= {"begun": False, "seen": False, "done": False, "stored": ""}
        body = {
            "stream": True,
            "model": CONFIG["model"],
            "messages": [{"role": "user", "content": question}],
            "session_id": self.socket.sid,
            "id": answer["message"],
            "parent_id": None,
            "user_message": {**user, "timestamp": int(time.time()), "models": [CONFIG["model"]]},
            "background_tasks": {"title_generation": True, "follow_up_generation": True},
        }
        self.answer = answer
        accepted = await call(self.web, "POST", "/api/chat/completions", body)
        if not accepted:
            # Not an answer that is cut: the browser says so at once, and its user asks again.
            answers.append({**answer, "refused": True})
            await asyncio.sleep(1)
            return
        answer["chat"] = accepted["chat_id"]
        deadline = time.monotonic() + CONFIG["seconds"] + LATE_SECONDS
        while not answer["seen"] and time.monotonic() < deadline:
            await asyncio.sleep(0.2)
        await asyncio.sleep(2)
        await self.stored(answer)
        answers.append({**answer, "refused": False})


async def main():
    with contextlib.suppress(FileNotFoundError):
        os.unlink(STOP)
    async with session(CONFIG["token"]) as admin:
        browsers = [asyncio.create_task(Browser(number).run(admin)) for number in range(CONFIG["browsers"])]
        deadline = time.monotonic() + 120
        while len(reading) < CONFIG["browsers"]:
            if time.monotonic() > deadline or any(browser.done() for browser in browsers):
                raise SystemExit(f"{len(reading)} of {CONFIG['browsers']} browsers read an answer")
            await asyncio.sleep(0.1)
        print(json.dumps({"begun": time.time()}), flush=True)
        await asyncio.gather(*browsers)
    print(json.dumps(answers), flush=True)


asyncio.run(main())
