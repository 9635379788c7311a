"""An application with Open WebUI's shape where serve.py looks: ``open_webui.main:app`` and a registry of tasks.

Started in a directory of its own, which has this file as ``open_webui/main.py``. Each request says what to do in its
path: ``/answer/SECONDS`` begins a registered task, ``/title/SECONDS`` one outside the registry, ``/stream/SECONDS``
answers for that long. What a task has done is a line of the file ``done``.
"""

import asyncio
from pathlib import Path

from open_webui import tasks

titles = []


async def app(scope, receive, send):
    """ASGI."""
    if scope["type"] == "lifespan":
        while True:
            message = await receive()
            await send({"type": f"{message['type']}.complete"})
            if message["type"] == "lifespan.shutdown":
                return
    if scope["type"] == "websocket":
        await send({"type": "websocket.accept"})
        while (await receive())["type"] != "websocket.disconnect":
            pass
        return
    _, what, seconds, *_ = [*scope["path"].split("/"), "0"]
    if what == "answer":
        task = asyncio.create_task(write("answer", float(seconds)))
        if hasattr(tasks, "tasks"):
            tasks.tasks[str(len(tasks.tasks))] = task
    elif what == "title":
        titles.append(asyncio.create_task(run_initial_title_generation(float(seconds))))
    await send({"type": "http.response.start", "status": 200, "headers": []})
    if what == "stream":
        for _ in range(int(float(seconds) * 10)):
            await send({"type": "http.response.body", "body": b"word ", "more_body": True})
            await asyncio.sleep(0.1)
    await send({"type": "http.response.body", "body": b"end"})


async def write(what, seconds):
    """Start a task that writes an answer."""
    await asyncio.sleep(seconds)
    with Path("done").open("a") as file:
        file.write(f"{what}\n")


async def run_initial_title_generation(seconds):
    """A coroutine of that name in Open WebUI is in no registry."""
    await write("title", seconds)
