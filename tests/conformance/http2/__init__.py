"""Conformance of HTTP/2 and HPACK: cases by section, each played over a real socket by a strict client of our own."""
