"""HPACK, the header compression of HTTP/2 (RFC 7541): a decoder, an encoder, and what both know."""
