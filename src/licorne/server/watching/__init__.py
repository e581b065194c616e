"""Watching: seeing from outside the event loop that it is blocked, and by what, and saying so in time."""
