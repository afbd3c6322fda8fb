"""Measurements, run by hand: `python -m tests.benchmarks.NAME`; not part of the tests."""
