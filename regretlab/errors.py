"""The error every room raises for input that cannot be used.

One class, so that the command line can tell "what you gave is wrong" (one sentence, exit code 2) from a fault of the
package (a traceback). It is a ``ValueError``: Python users catch it as such.
"""

__all__ = ["InputError"]


class InputError(ValueError):
    """Input that cannot be used: the message is one sentence naming the value and what is allowed."""
