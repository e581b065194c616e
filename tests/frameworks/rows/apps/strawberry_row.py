"""Strawberry in FastAPI: queries, uploads by mutations, subscriptions by WebSocket and by multipart responses."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import strawberry
from cues import say, wait_until
from fastapi import FastAPI
from strawberry.fastapi import GraphQLRouter
from strawberry.file_uploads import Upload
from strawberry.scalars import JSON
from strawberry.subscriptions import (
    GRAPHQL_SSE_PROTOCOL,
    GRAPHQL_TRANSPORT_WS_PROTOCOL,
    MULTIPART_SUBSCRIPTION_PROTOCOL,
)


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    say("started")
    yield
    say("stopped")


@strawberry.type
class Query:
    @strawberry.field
    def echo(self, value: JSON, x: str) -> JSON:
        return {"got": value, "x": x}

    @strawberry.field
    async def hold(self, cue: str) -> str:
        say("holding")
        await wait_until(cue)
        return "held"

    @strawberry.field
    def fail(self) -> str:
        raise LookupError("this field always fails")


@strawberry.type
class Mutation:
    @strawberry.mutation
    async def upload(self, name: str, file: Upload) -> JSON:
        content = await file.read()
        return {"name": name, "file": file.filename, "size": len(content), "end": content[-9:].hex()}

    @strawberry.mutation
    async def later(self, info: strawberry.Info, cue: str) -> str:
        async def work() -> None:
            await wait_until(cue)
            say("background work is done")

        info.context["background_tasks"].add_task(work)
        return "accepted"


@strawberry.type
class Subscription:
    @strawberry.subscription
    async def count(self, cue: str, up_to: int) -> AsyncIterator[int]:
        try:
            for number in range(up_to):
                await wait_until(f"{cue}-{number}")
                yield number
        finally:
            say("events are over")


async def context_of(broken: bool = False) -> dict[str, Any]:
    """Give the resolvers what they share; fail when the query string says so."""
    if broken:
        raise LookupError("this context always fails")
    return {}


schema = strawberry.Schema(Query, Mutation, Subscription)
app = FastAPI(lifespan=lifespan)
app.include_router(
    GraphQLRouter(
        schema,
        context_getter=context_of,
        multipart_uploads_enabled=True,
        subscription_protocols=[GRAPHQL_TRANSPORT_WS_PROTOCOL, GRAPHQL_SSE_PROTOCOL, MULTIPART_SUBSCRIPTION_PROTOCOL],
    ),
    prefix="/graphql",
)
