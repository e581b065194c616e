"""Generated and mutated messages: every parser, every cut and the oracle must agree."""
