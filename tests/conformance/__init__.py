"""Conformance: the corpus, and generated messages, against every parser in every way of cutting the bytes."""
