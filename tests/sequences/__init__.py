"""Random sequences of all that happens to a monitor, with invariants after each step: see `__main__` for the long form."""
