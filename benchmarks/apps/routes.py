"""One FastAPI route with a path parameter, a query parameter and a JSON answer."""

from fastapi import FastAPI

app = FastAPI()


@app.get("/")
async def show_root() -> dict[str, str]:
    """Answer the readiness check."""
    return {"hello": "world"}


@app.get("/items/{item_id}")
async def show_item(item_id: int, q: str | None = None) -> dict[str, int | str | None]:
    """Echo both parameters."""
    return {"item_id": item_id, "q": q}
