"""The server: real processes, real signals, real sockets."""
