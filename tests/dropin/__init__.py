"""Tests of the drop-in for Uvicorn in compat/uvicorn: each promise that others depend on."""
