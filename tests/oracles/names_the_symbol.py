"""A policy that names the symbol it is shown: ``module:THIS FILE:named``."""


def named(shape, actions):
    """Return the policy that names the symbol."""
    return lambda seen: int(seen[0])
