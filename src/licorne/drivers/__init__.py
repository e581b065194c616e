"""The drivers: they move bytes and time between an event loop and an engine. They know no ASGI."""
