"""Tests of the adapter for AWS Lambda."""
