"""Killing the whole job anywhere, and showing that nothing is lost or doubled. `python -m tests.faults --help`."""
