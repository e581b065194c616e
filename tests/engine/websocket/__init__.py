"""The WebSocket half of the engine, file by file."""
