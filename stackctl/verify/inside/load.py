"""In the client pod: steady requests through the Service, and websockets that reconnect, until /tmp/stop exists.

Prints a line of JSON when it has begun, and one with the results at the end.
"""

import asyncio
import contextlib
import os
import time

import aiohttp

STOP = "/tmp/stop"
started = time.monotonic()
requests, failures, sockets = 0, [], []


async def one_request(session):
    global requests
    requests += 1
    sent = time.monotonic()
    try:
        async with session.get(CONFIG["url"] + CONFIG["path"], headers=CONFIG.get("headers") or {}) as response:
            await response.read()
            if response.status == 200:
                return
            what = f"status {response.status}"
    except (TimeoutError, aiohttp.ClientError, OSError) as error:
        what = type(error).__name__
    failures.append({"at": round(sent - started, 2), "after": round(time.monotonic() - sent, 2), "what": what})


async def requests_at_rate():
    # A new connection for each request: a reused one would stay with its pod.
    connector = aiohttp.TCPConnector(force_close=True, limit=0)
    tasks = set()
    async with aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(total=20)) as session:
        due = time.monotonic()
        while not os.path.exists(STOP):
            task = asyncio.create_task(one_request(session))
            tasks.add(task)
            task.add_done_callback(tasks.discard)
            due += 1 / CONFIG["rate"]
            await asyncio.sleep(max(0, due - time.monotonic()))
        await asyncio.gather(*tasks)


async def websocket():
    """Stay connected, and record the interruptions."""
    import socketio

    record = {"gaps": [], "connected": False}
    sockets.append(record)
    lost = time.monotonic()
    while not os.path.exists(STOP):
        client, gone = socketio.AsyncClient(reconnection=False), asyncio.Event()
        client.on("disconnect", lambda *_, gone=gone: gone.set())
        try:
            await client.connect(
                CONFIG["url"], socketio_path="/ws/socket.io", transports=["websocket"], auth={"token": CONFIG["token"]}
            )
        except Exception:
            await asyncio.sleep(0.5)
            continue
        if record["connected"]:
            record["gaps"].append(round(time.monotonic() - lost, 2))
        record["connected"] = True
        while not gone.is_set() and not os.path.exists(STOP):
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(gone.wait(), 0.2)
        lost = time.monotonic()
        with contextlib.suppress(Exception):
            await client.disconnect()


async def main():
    with contextlib.suppress(FileNotFoundError):
        os.unlink(STOP)
    clients = [asyncio.create_task(websocket()) for _ in range(CONFIG.get("sockets", 0))]
    deadline = time.monotonic() + 30
    while not all(record["connected"] for record in sockets) or len(sockets) < len(clients):
        if time.monotonic() > deadline:
            raise SystemExit("the websockets do not connect")
        await asyncio.sleep(0.1)
    print(json.dumps({"begun": True}), flush=True)
    await requests_at_rate()
    await asyncio.gather(*clients)
    seconds = round(time.monotonic() - started, 1)
    print(json.dumps({"seconds": seconds, "requests": requests, "failures": failures, "sockets": sockets}), flush=True)


asyncio.run(main())
