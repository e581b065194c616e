"""Django with Channels: the routes of a row are Django's, the sockets are consumers with a channel layer."""

import os

from channels.generic.http import AsyncHttpConsumer
from channels.generic.websocket import AsyncJsonWebsocketConsumer, AsyncWebsocketConsumer
from channels.routing import ProtocolTypeRouter, URLRouter
from cues import say, wait_until
from django.core.asgi import get_asgi_application
from django.urls import path, re_path
from django_settings import set_up

REDIS = os.environ.get("REDIS_URL")
LAYER = (
    {"BACKEND": "channels_redis.core.RedisChannelLayer", "CONFIG": {"hosts": [REDIS]}}
    if REDIS
    else {"BACKEND": "channels.layers.InMemoryChannelLayer"}
)


class Events(AsyncHttpConsumer):
    """Send events by a consumer."""

    async def handle(self, body: bytes) -> None:
        cue = self.scope["query_string"].decode().removeprefix("cue=")
        await self.send_headers(headers=[(b"content-type", b"text/event-stream")])
        try:
            for number in range(3):
                await wait_until(f"{cue}-{number}")
                await self.send_body(b"data: %d\n\n" % number, more_body=True)
            await self.send_body(b"")
        finally:
            say("events are over")


class Talk(AsyncWebsocketConsumer):
    """Answer what one says."""

    is_next_binary = False

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        match text_data:
            case None:
                await self.send(bytes_data=bytes_data[::-1])
            case "bytes":
                pass
            case "bye":
                await self.close(4000)
            case text:
                await self.send(f"you said {text}")

    async def disconnect(self, code: int) -> None:
        say(f"left with {code}")


class Room(AsyncJsonWebsocketConsumer):
    """Pass on what one says to everyone in the room, over the channel layer."""

    async def connect(self) -> None:
        self.room = self.scope["url_route"]["kwargs"]["room"]
        await self.channel_layer.group_add(self.room, self.channel_name)
        await self.accept()

    async def disconnect(self, code: int) -> None:
        await self.channel_layer.group_discard(self.room, self.channel_name)
        say("left the room")

    async def receive_json(self, content: object) -> None:
        await self.channel_layer.group_send(self.room, {"type": "room.said", "content": content})

    async def room_said(self, event: dict[str, object]) -> None:
        await self.send_json(event["content"])


set_up("django_views", "channels", CHANNEL_LAYERS={"default": LAYER})
pages = get_asgi_application()
application = ProtocolTypeRouter(
    {
        "http": URLRouter([path("events", Events.as_asgi()), re_path("", pages)]),
        "websocket": URLRouter([path("ws", Talk.as_asgi()), path("room/<room>", Room.as_asgi())]),
    }
)
