"""Peers that misbehave, and stops at the worst moment: the server goes on for the others and keeps nothing."""
