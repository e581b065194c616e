"""ASGI middleware that applications may mount themselves. A server needs none of it: licorne does these things."""
