"""Tests of the options: kinds of values, the table, the sources, the command, `run()`."""
