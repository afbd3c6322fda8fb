"""Polling, reading and storing: what a run collects."""
