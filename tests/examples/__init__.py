"""The examples and the pages of the documentation, run for real."""
