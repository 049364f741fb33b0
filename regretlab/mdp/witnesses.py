"""Witness MDPs: small processes that attain the bounds, or break a formula that looks right.

Delta is ``gap``: rewards are 1 for the right action and 1 - gap for a wrong one. With ``noop_gap`` = g there is one
more action, number 0, whose reward is 1 - g in every state; it is then the default behaviour, and without it the
default behaviour repeats the last action. The transitions of all of these but ``trap`` ignore the actions.

Derivations: docs/theory, "witness families".
"""

import numpy as np
from scipy import sparse

from ..errors import InputError
from .family_member import (
    Member,
    checked_count,
    checked_gap,
    checked_probability,
    checked_states,
    fresh_symbols,
    guessing_process,
    regret_with_noop,
)
from .model import AsynchronousMDP, FiniteMDP

__all__ = ["additive_register", "lazy_walk", "product", "ring", "shift_register", "trap"]


def shift_register(
    p: float = 0.9, n: int = 3, symbols: int = 2, gap: float = 1.0, noop_gap: float | None = None
) -> Member:
    """W1: the state is the last n of a stream of i.i.d. symbols, the right action is the state.

    A delay of d <= n frames leaves d symbols to guess: regret per agent frame Delta (1 - p^d), the worst case of the
    class {mode probability >= p, gaps <= Delta}.
    """
    law = fresh_symbols(p, symbols)
    states = checked_states(symbols ** checked_count(n, 1, "n"), "the shift register")
    state = np.arange(states)
    shifted = (state[:, None] * symbols + np.arange(symbols)) % states
    matrix = sparse.csr_array((np.tile(law, states), (np.repeat(state, symbols), shifted.ravel())))
    rewards = 1.0 - checked_gap(gap) * (1.0 - np.eye(states))

    def regret(delay: int, every: int) -> float | None:
        return regret_with_noop(noop_gap, lambda d: gap * (1 - p ** min(d, n)), every, delay)

    return Member(guessing_process(matrix, rewards, noop_gap, "shift register"), regret)


def additive_register(
    p: float = 0.9, n: int = 2, symbols: int = 2, gap: float = 1.0, noop_gap: float | None = None
) -> Member:
    """W1 for a held action: n slots, in each frame the next one in turn is raised by a fresh symbol (modulo symbols).

    Unlike the shift register it stays where it is with probability p, so an action that is held I frames is right in
    frame i of them with probability p^(d+i): regret Delta (1 - p^d (1 - p^I) / (I (1 - p))) while d + I - 1 <= n.
    """
    law = fresh_symbols(p, symbols)
    contents = symbols ** checked_count(n, 1, "n")
    states = checked_states(n * contents, "the additive register")
    phase, content = np.divmod(np.arange(states), contents)
    place = symbols**phase
    digit = content // place % symbols
    raised = content[:, None] + ((digit[:, None] + np.arange(symbols)) % symbols - digit[:, None]) * place[:, None]
    target = ((phase + 1) % n * contents)[:, None] + raised
    matrix = sparse.csr_array((np.tile(law, states), (np.repeat(np.arange(states), symbols), target.ravel())))
    rewards = 1.0 - checked_gap(gap) * (1.0 - np.eye(contents)[content])

    def regret(delay: int, every: int) -> float | None:
        if noop_gap is None and delay + every - 1 <= n:
            return float(gap * (1 - np.mean(p ** np.arange(delay, delay + every, dtype=float))))
        if delay > n:
            return None
        return regret_with_noop(noop_gap, lambda d: gap * (1 - p**d), every, delay)

    return Member(guessing_process(matrix, rewards, noop_gap, "additive register"), regret)


def ring(
    p: float = 0.9, symbols: int = 4, mode: str = "lazy", gap: float = 1.0, noop_gap: float | None = None
) -> Member:
    """W2: K symbols that stay or rotate with probability p and else jump; the right action is the symbol.

    With probability p the symbol stays (``mode=lazy``) or goes on to the next (``rotating``), else it jumps uniformly
    to one of the others. With lambda = (K p - 1) / (K - 1), kappa_d = 1/K + (1 - 1/K) lambda^d and the regret is
    Delta (1 - 1/K) (1 - lambda^d).
    """
    if mode not in ("lazy", "rotating"):
        raise InputError(f"mode must be lazy or rotating, not {mode!r}")
    law = fresh_symbols(p, symbols)
    checked_states(symbols, "the ring")
    first = 0 if mode == "lazy" else 1
    state = np.arange(symbols)
    target = (state[:, None] + first + np.arange(symbols)) % symbols
    matrix = sparse.csr_array((np.tile(law, symbols), (np.repeat(state, symbols), target.ravel())))
    eigenvalue = (symbols * p - 1) / (symbols - 1)

    def agent(delay: int) -> float:
        return gap * (1 - 1 / symbols) * (1 - eigenvalue**delay)

    def regret(delay: int, every: int) -> float | None:
        if noop_gap is not None:
            return regret_with_noop(noop_gap, agent, every, delay)
        # A held action meets a rotating mode again only after a whole turn.
        powers = eigenvalue ** np.arange(delay, delay + every, dtype=float)
        met = powers[:: symbols if mode == "rotating" else 1].sum()
        return float(gap * (1 - 1 / symbols - (met - powers.sum() / symbols) / every))

    rewards = 1.0 - checked_gap(gap) * (1.0 - np.eye(symbols))
    return Member(guessing_process(matrix, rewards, noop_gap, "ring"), regret)


def lazy_walk(states: int = 51, gap: float = 1.0, noop_gap: float | None = None) -> Member:
    """A walk on a cycle: one step either way with probability 1/4 each, stay with 1/2; the right action is the place.

    The chains re-merge, so kappa_d = mean over k of ((1 + cos(2 pi k / states)) / 2)^d, which is C(2d, d) / 4^d while
    d < states / 2, far above p_minimax^d = 2^-d; the regret is Delta (1 - kappa_d).
    """
    checked_states(checked_count(states, 3, "states"), "the walk")
    place = np.arange(states)
    target = (place[:, None] + np.array([-1, 0, 1])) % states
    matrix = sparse.csr_array((np.tile([0.25, 0.5, 0.25], states), (np.repeat(place, 3), target.ravel())))
    eigenvalues = (1 + np.cos(2 * np.pi * place / states)) / 2

    def agent(delay: int) -> float:
        return float(gap * (1 - np.mean(eigenvalues**delay)))

    def regret(delay: int, every: int) -> float | None:
        if noop_gap is not None:
            return regret_with_noop(noop_gap, agent, every, delay)
        return float(np.mean([agent(d) for d in range(delay, delay + every)]))

    rewards = 1.0 - checked_gap(gap) * (1.0 - np.eye(states))
    return Member(guessing_process(matrix, rewards, noop_gap, "lazy walk"), regret)


def product(
    p: float = 0.9,
    n: int = 2,
    symbols: int = 2,
    gap: float = 1.0,
    arms: int = 2,
    arm_gap: float = 0.5,
    weight: float = 0.5,
    noop_gap: float | None = None,
) -> Member:
    """A shift register and a bandit side by side: action (a1, a2), reward w r_W1(s, a1) + (1 - w) r_bandit(a2).

    The bandit's last arm pays 1, the others 1 - arm_gap on average. Its part of the regret is learning only, so with
    the model known the regret per agent frame is w Delta (1 - p^d).
    """
    if not 0 <= weight <= 1:
        raise InputError(f"weight must lie in [0, 1], not {weight}")
    register = shift_register(p, n, symbols, gap).process.mdp
    arm = np.full(checked_count(arms, 1, "arms"), 1.0 - checked_gap(arm_gap, "arm_gap"))
    arm[-1] = 1.0
    rewards = weight * register.rewards[:, :, None] + (1 - weight) * arm
    checked_states(register.actions * arms, "the product (in actions)")

    def regret(delay: int, every: int) -> float | None:
        return regret_with_noop(noop_gap, lambda d: weight * gap * (1 - p ** min(d, n)), every, delay)

    stacked = rewards.reshape(register.states, -1)
    return Member(guessing_process(register.matrix(0), stacked, noop_gap, "product"), regret)


def trap(p: float = 0.9, length: int = 3) -> Member:
    """A wrong guess costs ``length`` frames more.

    Symbols 0 (probability p >= 1/2) and 1 are i.i.d.; the right action pays 1 and a fresh symbol follows, the wrong one
    pays 0 and leads through ``length`` frames without reward.

    Any delay leaves the same guess, so the regret is 1 - p / (1 + (1 - p) length), while the largest gap is 1 + length:
    a bound that takes the largest reward for the largest gap would stop at 1 - p^d.
    """
    checked_probability(p, 0.5)
    states = checked_states(2 + checked_count(length, 1, "length"), "the trap")
    moved = np.zeros((2, states, states))
    for action in (0, 1):
        moved[action, action, :2] = p, 1 - p
        moved[action, 1 - action, 2] = 1.0
        moved[action, range(2, states - 1), range(3, states)] = 1.0
        moved[action, -1, :2] = p, 1 - p
    rewards = np.zeros((states, 2))
    rewards[:2] = np.eye(2)

    def regret(delay: int, every: int) -> float | None:
        if every > 1:
            return None
        return 0.0 if delay == 0 else 1 - p / (1 + (1 - p) * length)

    return Member(AsynchronousMDP(FiniteMDP(moved, rewards, name="trap"), "repeat"), regret)
