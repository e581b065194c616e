"""Tests of licorne.broadcast, with a real Redis where there is one to be."""
