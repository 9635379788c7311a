"""An application with Open WebUI's shape where serve.py looks: ``open_webui.main:app`` and a registry of tasks.

Started in a directory of its own, which has this file as ``open_webui/main.py``. Each request says what to do in its
path: ``/answer/SECONDS`` begins a registered task, ``/title/SECONDS`` one outside the registry, ``/stream/SECONDS``
answers for that long, ``/garbage/NUMBER`` makes objects that only the garbage collection frees, and ``/collection``
describes the latter. What a task has done is a line of the file ``done``.
"""

import asyncio
import gc
import weakref
from pathlib import Path

from open_webui import tasks

titles = []
cycles = []


class Cycle(list):
    """An object that refers to itself."""


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
    elif what == "garbage":
        for _ in range(int(float(seconds))):
            cycle = Cycle()
            cycle.append(cycle)
            cycles.append(weakref.ref(cycle))
    elif what == "title":
        titles.append(asyncio.create_task(run_initial_title_generation(float(seconds))))
    await send({"type": "http.response.start", "status": 200, "headers": []})
    if what == "stream":
        for _ in range(int(float(seconds) * 10)):
            await send({"type": "http.response.body", "body": b"word ", "more_body": True})
            await asyncio.sleep(0.1)
    state = f"{gc.get_threshold()[0]} {gc.get_freeze_count()} {sum(cycle() is not None for cycle in cycles)}"
    await send({"type": "http.response.body", "body": state.encode() if what == "collection" else b"end"})


async def write(what, seconds):
    """Start a task that writes an answer."""
    await asyncio.sleep(seconds)
    with Path("done").open("a") as file:
        file.write(f"{what}\n")


async def run_initial_title_generation(seconds):
    """A coroutine of that name in Open WebUI is in no registry."""
    await write("title", seconds)
