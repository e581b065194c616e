"""Tests of TLS: real sockets, real certificates, of an authority that lives as long as the run."""
