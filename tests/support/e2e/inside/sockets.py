"""In the client pod: more and more websockets at one replica, each of which gets every event.

After each step of CONFIG["step"] websockets it posts events, two a second, and takes the time until each websocket has
each of them. Ends after the step in which the 95th percentile passes CONFIG["bound"] seconds, or at CONFIG["most"].
Prints one line of JSON: for each step the number of websockets and the percentile in seconds (null: events were lost).
"""

import asyncio
import time

import aiohttp

EVENTS = 6
LATE_SECONDS = 10
arrivals = {}


async def websocket(web, joined):
    """The messages of Socket.IO without its client, which costs more CPU than the replica."""
    url = f"{CONFIG['url']}/ws/socket.io/?EIO=4&transport=websocket"
    token = json.dumps({"token": CONFIG["token"]})
    try:
        async with web.ws_connect(url, max_msg_size=0) as connection:
            await connection.receive_str()
            await connection.send_str(f"40{token}")
            await connection.receive_str()
            await connection.send_str(f'420["user-join",{{"auth":{token}}}]')
            async for message in connection:
                if message.data == "2":
                    await connection.send_str("3")
                elif message.data.startswith("43"):
                    joined.set()
                elif (at := message.data.find("mark-")) >= 0:
                    arrivals[message.data[at : at + 12]].append(time.monotonic())
    except (aiohttp.ClientError, OSError) as error:
        raise SystemExit(f"a websocket was lost: {type(error).__name__}") from error


async def post(web, mark):
    body = {"type": "status", "data": {"description": mark, "done": True}}
    url = f"{CONFIG['url']}/api/v1/chats/{CONFIG['chat']}/messages/{mark}/event"
    async with web.post(url, json=body) as response:
        assert response.status == 200, await response.text()


async def measured(web, sockets, step):
    """The 95th percentile of the time from the request to the arrival at a websocket; None when an event was lost."""
    times, posts = [], []
    for number in range(EVENTS):
        mark = f"mark-{step:04}-{number:02}"
        arrivals[mark] = []
        posts.append((mark, time.monotonic(), asyncio.create_task(post(web, mark))))
        await asyncio.sleep(0.5)
    deadline = time.monotonic() + LATE_SECONDS
    while any(len(arrivals[mark]) < sockets for mark, _, _ in posts) and time.monotonic() < deadline:
        await asyncio.sleep(0.05)
    for mark, begun, task in posts:
        await task
        if len(arrivals[mark]) < sockets:
            return None
        times += [arrived - begun for arrived in arrivals[mark]]
    return sorted(times)[int(len(times) * 0.95)]


async def main():
    steps, tasks = [], set()
    connector = aiohttp.TCPConnector(limit=0)
    timeout = aiohttp.ClientTimeout(total=None)
    headers = {"Authorization": f"Bearer {CONFIG['token']}"}
    async with aiohttp.ClientSession(connector=connector, headers=headers, timeout=timeout) as web:
        while len(tasks) < CONFIG["most"]:
            for _ in range(CONFIG["step"] // 10):
                # Ten at a time: a replica accepts them one after the other.
                joins = [asyncio.Event() for _ in range(10)]
                tasks |= {asyncio.create_task(websocket(web, joined)) for joined in joins}
                await asyncio.wait_for(asyncio.gather(*(joined.wait() for joined in joins)), 60)
            p95 = await measured(web, len(tasks), len(steps))
            steps.append({"sockets": len(tasks), "p95": p95})
            if p95 is None or p95 > CONFIG["bound"]:
                break
        for task in tasks:
            task.cancel()
    print(json.dumps(steps), flush=True)


asyncio.run(main())
