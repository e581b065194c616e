"""Attached: a worker that belongs to a supervisor; the channel between them, and what is said over it."""
