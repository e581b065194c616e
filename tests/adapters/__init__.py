"""The adapters: other interfaces on an ASGI server, and ASGI on others."""
