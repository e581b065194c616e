"""The HTTP/2 engine."""
