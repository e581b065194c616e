"""Listening: the sockets that are served, where they come from, and how workers share what arrives at them."""
