"""Time the engine alone, in memory, in both builds: no sockets, no event loop, no application."""
