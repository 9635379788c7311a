"""In the client pod: what a user of the Service notices, until /tmp/observed is there and events arrive again.

Requests as a signed-in user, events to websockets that come back by themselves, and chats, each noted when its creation
was answered. Prints a line of JSON when all of it works, and one with what happened at the end. Times are seconds since
the epoch.
"""

import asyncio
import contextlib
import itertools
import os
import time

import aiohttp
import socketio

STOP = "/tmp/observed"
HEADERS = {"Authorization": f"Bearer {CONFIG['token']}"}
LAST_EVENTS_SECONDS = 5
CONNECT_SECONDS = 20
"""How long a browser waits for a connection before it tries again (`timeout` of Socket.IO's client)."""

ARRIVAL_SECONDS = 1
"""How long an event may take before it counts as missed when the end is decided."""

requests, events, chats, connected = [], [], [], set()
by_mark = {}
ended = asyncio.Event()


def session():
    # A connection for each request: a kept one would stay with the pod it has found.
    connector = aiohttp.TCPConnector(force_close=True, limit=0)
    return aiohttp.ClientSession(
        connector=connector, headers=HEADERS, timeout=aiohttp.ClientTimeout(total=CONFIG["patience"])
    )


async def call(web, method, path, body=None):
    """Status, body and words for what went wrong; status 0 when there was no answer."""
    try:
        async with web.request(method, CONFIG["url"] + path, json=body) as response:
            text = await response.text()
            what = None if response.status == 200 else f"status {response.status}"
            return response.status, json.loads(text) if response.status == 200 else None, what
    except (TimeoutError, aiohttp.ClientError, OSError, ValueError) as error:
        return 0, None, type(error).__name__


async def watch():
    """End once the observer has seen enough and the last events reached every websocket, or after a time limit."""
    while not os.path.exists(STOP):
        await asyncio.sleep(0.05)
    deadline = time.monotonic() + CONFIG["longest"]
    while time.monotonic() < deadline:
        last = [event for event in events if event["at"] < time.time() - ARRIVAL_SECONDS][-2:]
        if all(event["posted"] and event["received"] >= CONFIG["sockets"] for event in last):
            break
        await asyncio.sleep(0.05)
    ended.set()


async def repeat(interval, one):
    """Begin one each interval, whether or not the one before has ended."""
    tasks, due = set(), time.monotonic()
    while not ended.is_set():
        task = asyncio.create_task(one())
        tasks.add(task)
        task.add_done_callback(tasks.discard)
        due += interval
        await asyncio.sleep(max(0, due - time.monotonic()))
    await asyncio.gather(*tasks)


async def request(web):
    begun = time.time()
    _, _, what = await call(web, "GET", "/api/v1/auths/")
    requests.append({"at": begun, "end": time.time(), "what": what})


async def event(web, chat, number):
    record = {"at": time.time(), "posted": False, "received": 0, "sockets": len(connected)}
    mark = f"mark-{number}"
    by_mark[mark] = record
    events.append(record)
    body = {"type": "status", "data": {"description": mark, "done": True}}
    status, _, _ = await call(web, "POST", f"/api/v1/chats/{chat}/messages/message-{number}/event", body)
    record["posted"] = status == 200


async def new_chat(web):
    status, body, _ = await call(web, "POST", "/api/v1/chats/new", {"chat": {"title": "observed"}})
    if status == 200:
        chats.append(body["id"])


def received(data):
    record = by_mark.get(((data.get("data") or {}).get("data") or {}).get("description"))
    if record:
        record["received"] += 1


async def websocket(number):
    """As the web interface: comes back by itself, and asks to be in the user's room each time."""
    while not ended.is_set():
        client = socketio.AsyncClient(reconnection=False)
        client.on("events", received)
        try:
            connection = client.connect(
                CONFIG["url"], socketio_path="/ws/socket.io", transports=["websocket"], auth={"token": CONFIG["token"]}
            )
            await asyncio.wait_for(connection, CONNECT_SECONDS)
            await client.call("user-join", {"auth": {"token": CONFIG["token"]}}, timeout=5)
        except Exception:
            with contextlib.suppress(Exception):
                await client.disconnect()
            await asyncio.sleep(0.5)
            continue
        connected.add(number)
        while client.connected and not ended.is_set():
            await asyncio.sleep(0.05)
        if ended.is_set():
            await asyncio.sleep(LAST_EVENTS_SECONDS)
        connected.discard(number)
        with contextlib.suppress(Exception):
            await client.disconnect()


async def lost_chats(web):
    """Chats whose creation was answered with success, and that are not there."""
    lost = []
    for chat in chats:
        status, _, what = await call(web, "GET", f"/api/v1/chats/{chat}")
        if status != 200:
            lost.append({"chat": chat, "what": what})
    return lost


async def main():
    with contextlib.suppress(FileNotFoundError):
        os.unlink(STOP)
    sockets = [asyncio.create_task(websocket(number)) for number in range(CONFIG["sockets"])]
    deadline = time.monotonic() + 30
    while len(connected) < CONFIG["sockets"]:
        if time.monotonic() > deadline:
            raise SystemExit("the websockets do not connect")
        await asyncio.sleep(0.1)
    async with session() as web:
        _, chat, what = await call(web, "POST", "/api/v1/chats/new", {"chat": {"title": "observed"}})
        if what:
            raise SystemExit(f"no chat can be made: {what}")
        print(json.dumps({"begun": time.time()}), flush=True)
        number = itertools.count()
        await asyncio.gather(
            repeat(1 / CONFIG["rate"], lambda: request(web)),
            repeat(0.5, lambda: event(web, chat["id"], next(number))),
            repeat(1, lambda: new_chat(web)),
            watch(),
            *sockets,
        )
        lost = await lost_chats(web)
    print(json.dumps({"requests": requests, "events": events, "chats": len(chats), "lost": lost}), flush=True)


asyncio.run(main())
