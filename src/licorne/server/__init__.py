"""One serving process: sockets, signals, the application, and the worker that introduces drivers to ASGI."""
