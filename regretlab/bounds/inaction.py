r"""The inaction part: frames that the default behaviour serves.

Theorem I (docs/theory): over n_f frames the inaction regret is at least n_f phi min_s gap*(s, beta), with equality
when the gap of the default behaviour is constant. phi is the inaction fraction of the staggering rule.
"""

from ..errors import InputError

__all__ = ["check_gap", "inaction_regret"]


def check_gap(gap: float, name: str) -> float:
    """Return a gap as a float; raise ``InputError`` unless it is finite and not negative."""
    value = float(gap)
    if not 0 <= value < float("inf"):
        raise InputError(f"{name} must be a finite number of at least 0, not {gap!r}")
    return value


def inaction_regret(inaction_fraction: float, gap_default: float = 1.0) -> float:
    """Return the regret per frame of the frames without an agent action: phi * g.

    Parameters
    ----------
    inaction_fraction
        phi, in [0, 1].
    gap_default
        g, the least gap of the default behaviour, in reward per frame.

    Raises
    ------
    InputError
        For values out of range.

    Examples
    --------
    >>> inaction_regret(0.25, 0.8)
    0.2
    """
    if not 0 <= inaction_fraction <= 1:
        raise InputError(f"the inaction fraction must lie in [0, 1], not {inaction_fraction!r}")
    return float(inaction_fraction * check_gap(gap_default, "gap of the default behaviour"))
