"""Tests of the drivers, over real sockets."""
