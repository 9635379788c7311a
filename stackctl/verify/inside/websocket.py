"""In the client pod: open a websocket to one replica, send a request to another one, and observe the websocket.

Prints whether the mark arrived as an event, whether the websocket was closed, after how many seconds, and the status
of the request.
"""

import asyncio
import contextlib
import sys
import time

import aiohttp
import socketio


async def main():
    events, gone = asyncio.Queue(), asyncio.Event()
    client = socketio.AsyncClient(reconnection=False)
    client.on("events", lambda data: events.put_nowait(json.dumps(data)))
    client.on("disconnect", lambda *_: gone.set())
    token = CONFIG["token"]
    try:
        await client.connect(
            CONFIG["websocket"], socketio_path="/ws/socket.io", transports=["websocket"], auth={"token": token}
        )
        await client.call("user-join", {"auth": {"token": token}}, timeout=CONFIG["seconds"])
    except (TimeoutError, socketio.exceptions.SocketIOError) as error:
        sys.exit(f"no websocket to {CONFIG['websocket']}: {error or type(error).__name__}")
    result = {"event": False, "closed": False}
    sent = time.monotonic()
    try:
        async with (
            aiohttp.ClientSession(headers={"Authorization": f"Bearer {token}"}) as session,
            session.post(CONFIG["url"], json=CONFIG["json"]) as response,
        ):
            result["status"] = response.status

        async def marked():
            while CONFIG["mark"] not in await events.get():
                pass
            result["event"] = True

        async def closed():
            await gone.wait()
            result["closed"] = True

        if result["status"] == 200:
            awaited = closed() if CONFIG["mark"] is None else marked()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(awaited, CONFIG["seconds"])
        result["seconds"] = round(time.monotonic() - sent, 2)
    finally:
        await client.disconnect()
    print(json.dumps(result))


asyncio.run(main())
