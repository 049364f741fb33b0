r"""A default behaviour that repeats the last action ("sticky").

An action chosen from an observation d frames old and held for I frames is, in its i-th frame, d + i frames old. Where
the right action names the sum of the symbols so far (the additive register, see docs/theory) this pays p^(d+i), so per
frame

.. math:: 1 - \frac{p^d (1 - p^I)}{I (1 - p)}

and on the ring of K symbols 1/K + (1 - 1/K) lambda^d (1 - lambda^I)/(I (1 - lambda)) in place of the fraction. No frame
is inactive in this reading; what inaction would cost is age. With I = d it is also one worker that emits a chunk of d
actions. Derived in docs/theory.
"""

from ..laws import Law
from .checks import check_count, check_gap
from .delay import check_mode_probability, ring_eigenvalue

__all__ = ["sticky_regret", "sticky_sequential_regret"]


def _held(w: float, frames: int) -> float:
    """Return the mean of w^i over i = 0 .. frames - 1."""
    return sum(w**i for i in range(frames)) / frames if w > 0.999 else (1.0 - w**frames) / (frames * (1.0 - w))


def sticky_regret(p: float, delay: int, held: int, *, symbols: int | None = None, gap_delay: float = 1.0) -> float:
    """Return the regret per frame of an action d frames old when it is applied and repeated for I frames.

    Parameters
    ----------
    p
        Mode probability per frame: in [0, 1], or [1/K, 1] with ``symbols``.
    delay
        d in frames, at least 0.
    held
        I in frames, at least 1.
    symbols
        K for the ring W2; None for the additive register.
    gap_delay
        Delta, reward per frame.

    Raises
    ------
    InputError
        For values out of range.

    Examples
    --------
    >>> sticky_regret(0.5, 2, 2)
    0.8125
    """
    frames, lag = check_count(held, "held frames", 1), check_count(delay, "delay", 0)
    gap = check_gap(gap_delay, "gap of a wrong action")
    if symbols is None:
        w = check_mode_probability(p)
        return gap * (1.0 - w**lag * _held(w, frames))
    w = ring_eigenvalue(p, symbols)
    return gap * (1.0 - 1.0 / symbols) * (1.0 - w**lag * _held(w, frames))


def sticky_sequential_regret(
    law: Law, frame_time: float, p: float, *, symbols: int | None = None, gap_delay: float = 1.0
) -> float:
    r"""Return the regret per frame of one overlapped sequential worker whose last action is repeated until the next.

    The action of an inference of D frames is held for the D' frames of the next one, independent of it:

    .. math:: \Delta\Bigl(1 - \frac{E p^D\,(1 - E p^D)}{(1 - p)\,E D}\Bigr)

    (with p -> lambda and Delta -> Delta (1 - 1/K) on the ring).

    Parameters
    ----------
    law, frame_time
        Inference time and seconds of a frame.
    p, symbols, gap_delay
        As for ``sticky_regret``.

    Raises
    ------
    InputError
        For values out of range.

    Examples
    --------
    >>> from regretlab.laws import parse_law
    >>> sticky_sequential_regret(parse_law("2"), 1.0, 0.5)
    0.8125
    """
    w = check_mode_probability(p) if symbols is None else ring_eigenvalue(p, symbols)
    share = 1.0 if symbols is None else 1.0 - 1.0 / symbols
    gap = check_gap(gap_delay, "gap of a wrong action") * share
    if w == 1.0:
        return 0.0
    moment = law.moment(w, frame_time).value
    return gap * (1.0 - moment * (1.0 - moment) / ((1.0 - w) * law.mean_delay_frames(frame_time)))
