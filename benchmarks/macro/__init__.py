"""Compare whole servers on one machine: one CPU for the server, another for the load, servers taking turns."""
