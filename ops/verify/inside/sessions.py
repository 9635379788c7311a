"""In the client pod: whether two web pods share sessions. Makes an account and a chat, and removes both."""

import asyncio
import sys
import uuid

import aiohttp
import socketio

ONE, TWO = (f"http://{address}:8080" for address in CONFIG["addresses"])
SECONDS = 10


def bearer(token):
    return {"Authorization": f"Bearer {token}"}


async def request(session, method, url, token=None, **body):
    async with session.request(method, url, headers=bearer(token) if token else {}, **body) as response:
        return response.status, await response.json(content_type=None)


async def connected(token):
    client, events = socketio.AsyncClient(reconnection=False), asyncio.Queue()
    client.on("events", lambda data: events.put_nowait(data))
    await client.connect(ONE, socketio_path="/ws/socket.io", transports=["websocket"], auth={"token": token})
    await client.call("user-join", {"auth": {"token": token}}, timeout=SECONDS)
    return client, events


async def crosses(session, token):
    """An event that is posted to one replica arrives at a websocket of the other."""
    _, chat = await request(session, "POST", f"{ONE}/api/v1/chats/new", token, json={"chat": {"title": "verify"}})
    client, events = await connected(token)
    try:
        url = f"{TWO}/api/v1/chats/{chat['id']}/messages/{uuid.uuid4()}/event"
        mark = uuid.uuid4().hex
        await request(session, "POST", url, token, json={"type": "status", "data": {"description": mark}})
        while mark not in json.dumps(await asyncio.wait_for(events.get(), SECONDS)):
            pass
        return True
    except TimeoutError:
        return False
    finally:
        await client.disconnect()
        await request(session, "DELETE", f"{ONE}/api/v1/chats/{chat['id']}", token)


async def signed_out(session, token):
    """A token that was signed out on one replica is refused by the other, and its websocket is closed."""
    client, _ = await connected(token)
    gone = asyncio.Event()
    client.on("disconnect", lambda *_: gone.set())
    before, _ = await request(session, "GET", f"{ONE}/api/v1/auths/", token)
    await request(session, "POST", f"{TWO}/api/v1/auths/signout", token)
    after, _ = await request(session, "GET", f"{ONE}/api/v1/auths/", token)
    try:
        await asyncio.wait_for(gone.wait(), SECONDS)
    except TimeoutError:
        await client.disconnect()
        return [before, after, "still connected"]
    return [before, after, "disconnected"]


async def main():
    result = {}
    email, password = f"verify-{uuid.uuid4().hex[:12]}@example.invalid", uuid.uuid4().hex + "Aa1!"
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=30)) as session:
        administrator = {"email": CONFIG["email"], "password": CONFIG["password"]}
        status, admin = await request(session, "POST", f"{ONE}/api/v1/auths/signin", json=administrator)
        if status != 200:
            print(json.dumps({"administrator": status}))
            return
        account = {"name": "verify", "email": email, "password": password, "role": "user"}
        status, user = await request(session, "POST", f"{ONE}/api/v1/auths/add", admin["token"], json=account)
        if status != 200:
            sys.exit(f"an account could not be added: status {status}")
        try:
            own = {"email": email, "password": password}
            _, signed = await request(session, "POST", f"{ONE}/api/v1/auths/signin", json=own)
            status, _ = await request(session, "GET", f"{TWO}/api/v1/auths/", signed["token"])
            result["signed_in"] = status
            result["event"] = await crosses(session, signed["token"])
            result["signed_out"] = await signed_out(session, signed["token"])
        finally:
            await request(session, "DELETE", f"{ONE}/api/v1/users/{user['id']}", admin["token"])
            await request(session, "POST", f"{ONE}/api/v1/auths/signout", admin["token"])
    print(json.dumps({"administrator": 200, **result}))


asyncio.run(main())
