"""The names of Uvicorn, on licorne.

    uvicorn.run("main:app", port=8000)
    server = uvicorn.Server(uvicorn.Config(app)); await server.serve()

config.py says what the parameters mean, server.py how a server lives, _translation.py which options of licorne they
become. What a module here does not define itself is licorne's.
"""

from uvicorn.config import Config
from uvicorn.main import main, run
from uvicorn.server import Server

__all__ = ["Config", "Server", "main", "run"]

#: The release of Uvicorn whose names, defaults and messages these are; `uvicorn --version` says which licorne serves.
__version__ = "0.54.0"
