"""Put WebSocket load on a server: frames made beforehand, connections, and loops that count what comes back.

Rules: only the standard library; nothing is made or parsed while the clock runs that can be made or proved before
and after it, so that the server is the limit and not its load.
"""
