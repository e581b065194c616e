"""Conformance of WebSocket, judged by Autobahn's fuzzing client: `python -m tests.conformance.autobahn`."""
