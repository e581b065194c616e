"""FastAPI with pandas: an application whose import is what its processes are mostly made of."""

import pandas
from fastapi import FastAPI

app = FastAPI()
TABLE = pandas.DataFrame({"number": range(1000), "square": [number * number for number in range(1000)]})


@app.get("/")
async def total(first: int = 0) -> dict[str, int]:
    """Add up what comes from a row on."""
    return {"total": int(TABLE["square"][first:].sum())}
