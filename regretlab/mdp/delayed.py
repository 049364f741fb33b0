"""The exact optimum when every action is ``delay`` frames old and is chosen every ``every`` frames.

Actions take effect in frames e, e + I, e + 2I, ... (I = ``every``), each chosen from the state d = ``delay`` frames
before its effect; the default behaviour beta serves the frames between. Sequential play is the case I = d (overlapped:
the next observation at the effect boundary) or I = d + 1 (strict: d frames without an action, then one with it); an
ideal pool of workers is I = 1.

Seen from observation to observation this is an MDP whose actions wait m = d // I epochs (``epochs``). What the agent
knows at dispatch is the state it observes and its m actions still waiting: the augmented state (s, c_1, ..., c_m)
(Katsikopoulos & Engelbrecht 2003). Of a waiting action only its kernel matters, because its reward is booked when it is
chosen: actions that move all states alike share a number c. When transitions ignore the actions, one number is left and
the augmented problem is as small as the state space.

The optimum is that of one agent that knows all its own actions in flight. Several workers do not know what the others
will still release, so their regret is at least the one given here.
"""

import math
import os
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse

from ..errors import InputError
from ..results import Method, Result, listed
from .epochs import epoch_problem
from .model import AsynchronousMDP, FiniteMDP
from .multichain import solve_average_reward
from .stochasticity import kappa, p_minimax

__all__ = [
    "DelayedSolution",
    "augmented_mdp",
    "gain_of_unknown_delay",
    "memory_limit",
    "solve_delayed",
    "solve_sequential",
]

_KAPPA_BUDGET = 3 * 10**8


@dataclass(frozen=True, eq=False, repr=False)
class DelayedSolution(Result):
    """The exact optimum under a delay, against the optimum without.

    Attributes
    ----------
    gain
        Largest reward per frame with this delay and action interval.
    optimal_gain
        rho*, the largest reward per frame with no delay and an action every frame.
    regret_per_frame
        ``optimal_gain - gain``.
    p_minimax
        Least mode probability of a frame (beta's mixture included where beta serves frames).
    kappa
        Least mode probability of the state in which an action is applied; ``None`` where the search was too large.
    delay_frames
        d.
    every
        I, frames between agent actions.
    inaction_fraction
        phi = 1 - 1/I.
    gain_error
        Certified error of ``regret_per_frame``.
    augmented_states
        Number of states of the augmented problem.
    policy
        Integer array of shape (S', C**m): the action to choose for a state and a code of the kernel numbers of the m
        waiting actions (base C, the first to take effect in the highest place). S' = S, or S * A (row s * A + last
        action) where the last action is part of the state.
    method
        "exact".
    assumptions
        What must hold for these figures to be right.
    """

    gain: float
    optimal_gain: float
    regret_per_frame: float
    p_minimax: float
    kappa: float | None
    delay_frames: int
    every: int
    inaction_fraction: float
    gain_error: float
    augmented_states: int
    policy: NDArray[np.int64]
    method: Method
    assumptions: tuple[str, ...]

    @property
    def title(self) -> str:
        """What was asked, in one line."""
        rhythm = "an action every frame" if self.every == 1 else f"an action every {self.every} frames"
        return f"delay {self.delay_frames}, {rhythm}"

    def facts(self) -> list[tuple[str, str]]:
        """Return names and values, in the order to read them."""
        kappa = "not known" if self.kappa is None else f"{self.kappa:.6g}"
        size = f"{self.augmented_states:,} states with what is in flight"
        return [
            ("regret per frame", f"{self.regret_per_frame:.9g}"),
            ("gain", f"{self.gain:.9g}"),
            ("optimal gain", f"{self.optimal_gain:.9g} without delay, acting in every frame"),
            ("frames without an action", f"{100 * self.inaction_fraction:.4g} %"),
            ("p_minimax", f"{self.p_minimax:.6g}"),
            ("kappa", f"{kappa} over the delay"),
            ("method", f"exact (error at most {self.gain_error:.1g}): {size}"),
            *listed("assuming", self.assumptions),
        ]

    def to_json(self) -> dict[str, Any]:
        """Return the solution as plain values, without its policy."""
        return {
            "gain": self.gain,
            "optimal_gain": self.optimal_gain,
            "regret_per_frame": self.regret_per_frame,
            "p_minimax": self.p_minimax,
            "kappa": self.kappa,
            "delay_frames": self.delay_frames,
            "every": self.every,
            "inaction_fraction": self.inaction_fraction,
            "gain_error": self.gain_error,
            "augmented_states": self.augmented_states,
            "method": self.method,
            "assumptions": list(self.assumptions),
        }


def memory_limit() -> int:
    """Return the bytes an augmented problem may take by default: half of this machine's memory."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2
    except (AttributeError, OSError, ValueError):  # pragma: no cover - systems without sysconf
        return 4 * 2**30


def solve_delayed(
    process: FiniteMDP | AsynchronousMDP, delay: int, *, every: int = 1, limit: int | None = None
) -> DelayedSolution:
    """Return the exact optimum with a constant delay and an action every so many frames.

    Parameters
    ----------
    process
        An MDP, or an asynchronous MDP (needed if ``every > 1``: its beta serves the frames between).
    delay
        d >= 0, frames from observation to effect.
    every
        I >= 1, frames between agent actions.
    limit
        Largest memory in bytes for the augmented problem; default half of the machine's.

    Returns
    -------
    DelayedSolution

    Raises
    ------
    InputError
        If delay or every are out of range, beta is missing, the augmented problem is too large (the message gives its
        size), or the optimal gain depends on the start state (``MultichainError``).

    References
    ----------
    Riemer et al. 2024 (arXiv 2412.14355), section 3; Katsikopoulos & Engelbrecht 2003, "Markov decision processes with
    delays and asynchronous cost collection"; epochs of I frames: derived in docs/theory.

    Examples
    --------
    The shift register's regret is 1 - p^d (here 1 - 0.8^3):

    >>> from regretlab.mdp.families import parse_mdp
    >>> found = solve_delayed(parse_mdp("shift-register(p=0.8, n=3)"), 3)
    >>> round(found.gain, 9), round(found.regret_per_frame, 9), round(found.kappa, 9)
    (0.512, 0.488, 0.512)
    """
    mdp = process.mdp if isinstance(process, AsynchronousMDP) else process
    allowance = memory_limit() if limit is None else limit
    optimum = solve_average_reward(mdp)
    augmented, best = _augmented(process, delay, every, allowance)
    solution = solve_average_reward(augmented)
    waiting = delay // every
    kernels = augmented.actions
    choice = best[np.arange(augmented.states), solution.policy]
    assumptions = [
        f"every action is exactly {delay} frames old and one takes effect every {every} frames",
        "the agent knows the model and all its own actions in flight",
    ]
    if every > 1:
        behaviour = "repeats the last action" if _repeats(process) else "follows beta(a|s)"
        assumptions.append(f"the default behaviour {behaviour} in the frames between")
    try:
        least: float | None = kappa(process, delay, every=every, budget=_KAPPA_BUDGET)
    except InputError as error:
        least = None
        assumptions.append(f"kappa is not given: {error}")
    gain = solution.gain / every
    uncertain = optimum.gain_error + solution.gain_error / every
    regret = optimum.gain - gain
    if -uncertain <= regret < 0:  # rounding
        regret = 0.0
    return DelayedSolution(
        gain=gain,
        optimal_gain=optimum.gain,
        regret_per_frame=regret,
        p_minimax=p_minimax(process if every > 1 else mdp),
        kappa=least,
        delay_frames=delay,
        every=every,
        inaction_fraction=1.0 - 1.0 / every,
        gain_error=uncertain,
        augmented_states=augmented.states,
        policy=choice.reshape(-1, kernels**waiting),
        method="exact",
        assumptions=tuple(assumptions),
    )


def solve_sequential(process: AsynchronousMDP, delay: int, *, strict: bool = False) -> DelayedSolution:
    """Return the exact optimum of one worker that starts an inference when the last one is done.

    Parameters
    ----------
    process
        The asynchronous MDP.
    delay
        d >= 1, frames from observation to effect.
    strict
        Whether the next observation waits until the action has been applied (d frames of default behaviour, then one
        frame of action); otherwise it is made at the effect boundary (an action every d frames).

    References
    ----------
    Riemer et al. 2024 (arXiv 2412.14355), remark 1; theory, section 3.

    Examples
    --------
    phi g + (1 - phi) (1 - p^3) with phi = 2/3 and 3/4:

    >>> from regretlab.mdp.families import parse_mdp
    >>> game = parse_mdp("shift-register(p=0.7, n=3, noop_gap=0.9)")
    >>> print(round(solve_sequential(game, 3).regret_per_frame, 9))
    0.819
    >>> print(round(solve_sequential(game, 3, strict=True).regret_per_frame, 9))
    0.83925
    """
    if delay < 1:
        raise InputError(f"delay {delay} is not a number of frames >= 1")
    return solve_delayed(process, delay, every=delay + 1 if strict else delay)


def augmented_mdp(
    process: FiniteMDP | AsynchronousMDP, delay: int, *, every: int = 1, limit: int | None = None
) -> FiniteMDP:
    """Return the augmented problem as an MDP whose frame is an epoch of ``every`` frames.

    State ``s * C**m + code`` with code the kernel numbers of the m = delay // every waiting actions, the first to take
    effect in the highest place; its C actions are the kernel numbers, each with the best reward of its actions.

    Parameters
    ----------
    process, delay, every, limit
        As in ``solve_delayed``.

    Examples
    --------
    >>> swap = FiniteMDP([np.eye(2), np.eye(2)[::-1]], rewards=[[0.0, 0.0], [1.0, 0.0]])
    >>> augmented_mdp(swap, 3)
    FiniteMDP(states=16, actions=2, transitions=32)
    """
    return _augmented(process, delay, every, memory_limit() if limit is None else limit)[0]


def gain_of_unknown_delay(mdp: FiniteMDP, delay_law: ArrayLike) -> float:
    """Return the largest reward per agent frame when the delay is drawn after the action is chosen.

    Parameters
    ----------
    mdp
        A process whose transitions ignore the actions.
    delay_law
        Array of shape (J,): ``delay_law[j]`` = f_j, the probability of a delay of j frames; sums to 1.

    References
    ----------
    Derived in docs/theory, "where a naive formula fails": the agent must bet on one time of effect, so where the mode
    moves it earns only about max_j f_j p^j in place of sum_j f_j p^j.

    Examples
    --------
    >>> from regretlab.mdp.families import parse_mdp
    >>> law = [0.0, 0.2, 0.5, 0.3]
    >>> print(round(gain_of_unknown_delay(parse_mdp("ring(p=0.9, symbols=4)").mdp, law), 6))
    0.808133
    >>> print(round(gain_of_unknown_delay(parse_mdp("ring(p=0.9, symbols=4, mode=rotating)").mdp, law), 6))
    0.439511
    """
    law = np.asarray(delay_law, dtype=np.float64)
    if law.ndim != 1 or not (law >= 0).all() or not abs(law.sum() - 1) <= 1e-9:
        raise InputError("the delay law is not a list of probabilities that sum to 1")
    if mdp.kernel_classes.max() > 0:
        raise InputError(f"the transitions of {mdp.title} depend on the action: only where they do not is this exact")
    matrix = mdp.matrix(0)
    ahead = mdp.rewards
    expected = law[0] * ahead
    for share in law[1:]:
        ahead = matrix @ ahead
        expected = expected + share * ahead
    return solve_average_reward(FiniteMDP(matrix, expected.max(axis=1)[:, None])).gain


def _repeats(process: FiniteMDP | AsynchronousMDP) -> bool:
    return isinstance(process, AsynchronousMDP) and process.repeats


def _augmented(
    process: FiniteMDP | AsynchronousMDP, delay: int, every: int, limit: int
) -> tuple[FiniteMDP, NDArray[np.int64]]:
    """Return the augmented problem and, for each of its states and kernel numbers, the action that stands for it."""
    from ._kernels import augmented_rows

    epochs = epoch_problem(process, delay, every, limit)
    actions = epochs.rewards.shape[1]
    kernels = int(epochs.classes.max()) + 1
    states = epochs.kernels.shape[1]
    waiting = epochs.waiting
    _check_memory(states, kernels, actions, waiting, epochs.kernels.nnz, limit, f"delay {delay}, every {every}")
    pending = kernels**waiting
    # Expected reward of choosing an action now, one waiting action at a time: G(s, c_1.., a) = K_{c_1} G(., c_2.., a).
    expected = epochs.rewards
    for _ in range(waiting):
        expected = (epochs.kernels @ expected.reshape(states, -1)).reshape(states, -1)
    expected = expected.reshape(states * pending, actions)
    members = [np.flatnonzero(epochs.classes == number) for number in range(kernels)]
    best = np.stack([m[expected[:, m].argmax(axis=1)] for m in members], axis=1)
    rewards = np.take_along_axis(expected, best, axis=1)
    if waiting == 0:
        return FiniteMDP(epochs.kernels, rewards), best
    entries = epochs.kernels.nnz * pending
    dtype = np.int32 if max(states * pending, entries) < 2**31 else np.int64
    indptr = np.empty(states * pending * kernels + 1, dtype=dtype)
    indices = np.empty(entries, dtype=dtype)
    data = np.empty(entries)
    rows = epochs.kernels
    augmented_rows(rows.indptr, rows.indices, rows.data, states, kernels, pending, indptr, indices, data)
    size = states * pending
    return FiniteMDP(sparse.csr_array((data, indices, indptr), shape=(size * kernels, size)), rewards), best


def _check_memory(states: int, kernels: int, actions: int, waiting: int, entries: int, limit: int, asked: str) -> None:
    """Raise if the augmented arrays do not fit; in logarithms, because kernels**waiting may exceed any number."""
    per_code = 12.0 * entries + 8.0 * states * (2 * actions + 3 * kernels + 4)
    digits = math.log10(per_code) + waiting * math.log10(kernels)
    if digits > math.log10(limit):
        state_digits = math.log10(states) + waiting * math.log10(kernels)
        size = f"{10.0**state_digits:.3g}" if state_digits < 300 else f"1e{state_digits:.0f}"
        memory = f"{10.0**digits / 2**30:.3g}" if digits < 300 else f"1e{digits - 9:.0f}"
        raise InputError(
            f"{asked} makes an augmented problem of {size} states ({states} x {kernels}**{waiting}) that needs about "
            f"{memory} GiB, over the limit of {limit / 2**30:.3g} GiB: use a shorter delay or fewer actions"
        )
