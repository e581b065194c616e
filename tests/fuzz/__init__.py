"""Fuzz targets, one for each parser of peer's bytes; `README.md` says how to run them and what they check."""
