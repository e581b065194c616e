"""Serve an application with FastPySGI on a uvloop event loop, which its own command cannot be asked for.

`python fastpysgi_uvloop.py MODULE:ATTRIBUTE HOST PORT`
"""

import importlib
import sys

import fastpysgi
import uvloop


def main() -> None:
    """Run until the process is ended."""
    module, _, attribute = sys.argv[1].partition(":")
    app = getattr(importlib.import_module(module), attribute)
    fastpysgi.server.loop = uvloop.new_event_loop()
    fastpysgi.server.init(app, sys.argv[2], int(sys.argv[3]))
    fastpysgi.server.run()


if __name__ == "__main__":
    main()
