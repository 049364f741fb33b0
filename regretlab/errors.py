"""The errors that the command line tells apart from faults of the package.

``InputError``: what was given cannot be used (one sentence, exit code 2). ``RunError``: a run broke off (exit code 1).
Anything else is a fault and shows its traceback.
"""

__all__ = ["InputError", "RunError"]


class InputError(ValueError):
    """Input that cannot be used: the message is one sentence naming the value and what is allowed."""


class RunError(RuntimeError):
    """A run that could not go on: the message says what happened and to whom."""
