"""What the bounds ask of their arguments: each check returns the value as a float or int, or says what is allowed."""

import math

from ..errors import InputError

__all__ = ["check_count", "check_gap", "check_positive", "check_probability", "check_rewards"]


def check_gap(gap: float, name: str) -> float:
    """Return a gap as a float; raise ``InputError`` unless it is finite and not negative."""
    value = float(gap)
    if not 0 <= value < math.inf:
        raise InputError(f"{name} must be a finite number of at least 0, not {gap!r}")
    return value


def check_positive(value: float, name: str) -> float:
    """Return a value as a float; raise ``InputError`` unless it is positive and finite."""
    number = float(value)
    if not 0 < number < math.inf:
        raise InputError(f"{name} must be a positive, finite number, not {value!r}")
    return number


def check_probability(value: float, name: str) -> float:
    """Return a probability as a float; raise ``InputError`` unless it lies in [0, 1]."""
    number = float(value)
    if not 0 <= number <= 1:
        raise InputError(f"{name} must lie in [0, 1], not {value!r}")
    return number


def check_count(value: float, name: str, least: int) -> int:
    """Return a whole number; raise ``InputError`` unless it is one of at least ``least``."""
    if not (math.isfinite(value) and value == int(value) and value >= least):
        raise InputError(f"{name} must be a whole number of at least {least}, not {value!r}")
    return int(value)


def check_rewards(lowest: float, highest: float) -> tuple[float, float]:
    """Return the range of the rewards; raise ``InputError`` unless it lies in [0, 1], where the bounds are stated."""
    if not 0 <= lowest < highest <= 1:
        raise InputError(
            f"the bound is stated for rewards in [0, 1], not [{lowest!r}, {highest!r}]: rescale the rewards"
        )
    return float(lowest), float(highest)
