"""Falcon: the routes of a row."""

from collections.abc import AsyncIterator
from typing import Any

from cues import say, wait_until
from falcon import MEDIA_TEXT, WebSocketDisconnected
from falcon.asgi import App, Request, Response, SSEvent, WebSocket


class Lifespan:
    async def process_startup(self, scope: Any, event: Any) -> None:
        say("started")

    async def process_shutdown(self, scope: Any, event: Any) -> None:
        say("stopped")


class Json:
    async def on_post(self, req: Request, resp: Response) -> None:
        resp.media = {"got": await req.get_media(), "x": req.get_param("x")}


class Upload:
    async def on_post(self, req: Request, resp: Response) -> None:
        shown: dict[str, Any] = {}
        async for part in await req.get_media():
            if part.name == "file":
                content = await part.stream.read()
                shown |= {"file": part.filename, "size": len(content), "end": content[-9:].hex()}
            else:
                shown[part.name] = await part.get_text()
        resp.media = shown


class Stream:
    async def on_get(self, req: Request, resp: Response) -> None:
        async def pieces() -> AsyncIterator[bytes]:
            for number in range(100):
                yield b"%06d\n" % number * 2000

        resp.content_type = MEDIA_TEXT
        resp.stream = pieces()


class Events:
    async def on_get(self, req: Request, resp: Response) -> None:
        async def events() -> AsyncIterator[SSEvent]:
            try:
                for number in range(3):
                    await wait_until(f"{req.get_param('cue')}-{number}")
                    yield SSEvent(text=str(number))
            finally:
                say("events are over")

        resp.sse = events()


class Later:
    async def on_post(self, req: Request, resp: Response) -> None:
        async def work() -> None:
            await wait_until(req.get_param("cue"))
            say("background work is done")

        resp.schedule(work)
        resp.media = "accepted"


class Hold:
    async def on_get(self, req: Request, resp: Response) -> None:
        say("holding")
        await wait_until(req.get_param("cue"))
        resp.content_type = MEDIA_TEXT
        resp.text = "held"


class Fail:
    async def on_get(self, req: Request, resp: Response) -> None:
        raise LookupError("this route always fails")


class Talk:
    async def on_websocket(self, req: Request, ws: WebSocket) -> None:
        await ws.accept()
        try:
            while True:
                match await ws.receive_text():
                    case "bytes":
                        await ws.send_data((await ws.receive_data())[::-1])
                    case "bye":
                        await ws.close(4000)
                        return
                    case text:
                        await ws.send_text(f"you said {text}")
        except WebSocketDisconnected as left:
            say(f"left with {left.code}")


app = App(middleware=[Lifespan()])
for route, resource in {
    "/json": Json(),
    "/upload": Upload(),
    "/stream": Stream(),
    "/events": Events(),
    "/later": Later(),
    "/hold": Hold(),
    "/fail": Fail(),
    "/ws": Talk(),
}.items():
    app.add_route(route, resource)
