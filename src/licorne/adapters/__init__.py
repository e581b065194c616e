"""Adapters: let applications and platforms of other interfaces than ASGI 3 meet ASGI 3."""
