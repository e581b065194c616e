"""Premises: what a server finds and leaves in the system around it: users, files, the service manager."""
