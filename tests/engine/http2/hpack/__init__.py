"""The header compression of HTTP/2."""
