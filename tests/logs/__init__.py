"""The logs: what is written, how it looks, and that nobody can tell the short way from the long one."""
