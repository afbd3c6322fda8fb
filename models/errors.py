"""What a person can cause and fix. Such an error's message is shown by itself, in one line and without a traceback."""


class UserError(Exception):
    """Its message names the thing that is wrong, the value, and how to fix it."""
