r"""Ask again after s entries of the last chunk: the next inference starts s frames after the last, or when one is idle.

Starts are s frames apart (``--execution-horizon s``), which real-time action chunking calls the execution horizon
(Black, Galliker & Levine 2025). With delays of d frames and enough workers an answer acts at ages d to d + s - 1. With
F the law of the delay D in frames, f its probabilities:

* one worker: a cycle lasts C = max(s, D) frames, and P(A = j) = sum over d <= j of f_d P(max(s, d) + D' > j) / E C;
* N workers with N s >= the longest delay: every start finds an idle worker, so the delays are independent, and
  P(A = j) = F(j)/s prod_i (1 - F(j - i s)), over i >= 1 with j - i s >= 0.

The rule has a parameter, so it is made by name: "execution-horizon-16".
"""

from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from ..compilation import kernel
from ..errors import InputError
from .frame_pool import on_completion, on_dispatch
from .rule import StaggeringRule
from .state import CLAIMED, CURSOR, FRAME_TIME, NEXT_START, SPACING, State, boundary_at_or_after, missed, slot

if TYPE_CHECKING:
    from .service.frame_service import ServiceInFrames, ServiceRequest

__all__ = ["LONGEST_HORIZON", "execution_horizon"]

LONGEST_HORIZON = 2**16


@kernel(allocates=False)
def next_start(state: State, worker: int, now: float) -> float:
    """Return the boundary this worker has claimed; claim one if it has none, ``SPACING`` after the last or later."""
    base = slot(worker)
    frame_time = state[FRAME_TIME]
    if state[base + CLAIMED] == 0.0 or missed(state[base + NEXT_START], now, frame_time):
        boundary = max(int(state[CURSOR]), boundary_at_or_after(now, frame_time))
        state[CURSOR] = boundary + int(state[SPACING])
        state[base + NEXT_START] = boundary * frame_time
        state[base + CLAIMED] = 1.0
    return state[base + NEXT_START]


def closed_form(request: "ServiceRequest") -> "ServiceInFrames":
    """Return the service of one worker, or of so many that every start finds one idle."""
    from .service.frame_service import LONGEST_AGES, Ages, NoClosedForm, ServiceInFrames

    pmf, notes = request.delays()
    spacing, longest = request.rule.spacing, len(pmf) - 1
    if len(pmf) > LONGEST_AGES:
        raise NoClosedForm(f"delays reach {longest} frames, and ages are tabulated up to {LONGEST_AGES}")
    frames = np.arange(len(pmf))
    if request.workers == 1:
        cycle = np.maximum(spacing, frames)
        mean = float(pmf @ cycle)
        above = np.concatenate([1.0 - np.cumsum(pmf), np.zeros(spacing + 2 * len(pmf))])  # P(D' > i)
        law = np.zeros(spacing + 2 * len(pmf))
        for delay in np.flatnonzero(pmf):
            until = np.arange(delay, len(law)) - cycle[delay]
            law[delay:] += pmf[delay] * np.where(until < 0, 1.0, above[np.maximum(until, 0)])
        law, new, once = law / mean, pmf / mean, pmf / mean
    elif request.workers * spacing >= longest:
        below = np.append(np.cumsum(pmf), np.ones(spacing))  # F, beyond the longest delay for the last ages
        fresher, alone = np.ones(len(below)), np.ones(len(below))
        padded = np.append(pmf, np.zeros(spacing))
        for age in range(spacing, len(below)):  # products over the observations s, 2 s, ... frames later
            fresher[age] = fresher[age - spacing] * max(0.0, 1.0 - below[age - spacing])
            alone[age] = alone[age - spacing] * (1.0 - padded[age - spacing])
        law, new, once = below * fresher / spacing, padded * fresher / spacing, (padded * alone)[: len(pmf)] / spacing
    else:
        raise NoClosedForm(
            f"rule '{request.rule}' has a closed form for 1 worker, or for {-(-longest // spacing)} and more of them"
        )
    service = ServiceInFrames(1.0 - float(once.sum()), once, "closed-form", notes)
    return service.aged(Ages.in_order(law / law.sum(), new))


@cache
def execution_horizon(entries: int) -> StaggeringRule:
    """Return the rule that asks again after so many entries.

    Parameters
    ----------
    entries
        s, frames between two starts.

    Raises
    ------
    InputError
        Unless it lies between 1 and ``LONGEST_HORIZON``.

    Examples
    --------
    >>> execution_horizon(16).name
    'execution-horizon-16'
    """
    if not 1 <= entries <= LONGEST_HORIZON:
        raise InputError(f"an execution horizon lies between 1 and {LONGEST_HORIZON} entries, not {entries}")
    return StaggeringRule(
        name=f"execution-horizon-{entries}",
        summary=f"an idle worker starts {entries} frames after the last start or later, released on completion",
        next_start=next_start,
        on_dispatch=on_dispatch,
        on_completion=on_completion,
        closed_form=closed_form,
        spacing=entries,
    )
