"""The ASGI layer: what an application sees, and what it may do."""
