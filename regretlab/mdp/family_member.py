"""What the families of MDPs share: the process with its closed form, and the checks of their parameters."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from ..errors import InputError
from .model import AsynchronousMDP, FiniteMDP

__all__ = [
    "Member",
    "checked_count",
    "checked_gap",
    "checked_probability",
    "checked_states",
    "fresh_symbols",
    "guessing_process",
    "regret_with_noop",
]

_LARGEST = 4096
_LARGEST_TABLE = 10**8

Regret = Callable[[int, int], float | None]


@dataclass(frozen=True, eq=False)
class Member:
    """A process of a family with its closed form.

    Attributes
    ----------
    process
        The asynchronous MDP.
    regret
        Function of (delay, every): regret per frame of the best policy, ``None`` where there is no closed form.
    """

    process: AsynchronousMDP
    regret: Regret


def checked_probability(value: float, least: float, name: str = "p") -> float:
    """Return a probability in [least, 1], or raise."""
    if not least <= value <= 1:
        raise InputError(f"{name} must lie in [{least:.6g}, 1], not {value}")
    return float(value)


def checked_count(value: int, least: int, name: str) -> int:
    """Return an integer of at least ``least``, or raise."""
    if value < least:
        raise InputError(f"{name} must be at least {least}, not {value}")
    return int(value)


def checked_gap(value: float, name: str = "gap") -> float:
    """Return a gap in (0, 1], or raise."""
    if not 0 < value <= 1:
        raise InputError(f"{name} must lie in (0, 1], not {value}")
    return float(value)


def checked_states(states: int, what: str) -> int:
    """Return a number of states that is not too large to build, or raise."""
    if states > _LARGEST:
        raise InputError(f"{what} has {states} states: at most {_LARGEST} are built")
    return states


def guessing_process(
    matrix: sparse.csr_array, rewards: NDArray[np.float64], noop_gap: float | None, name: str
) -> AsynchronousMDP:
    """Return the process that moves by one matrix whatever the action, with the no-op in front if there is one."""
    beta: Any = "repeat"
    if noop_gap is not None:
        rewards = np.hstack([np.full((len(rewards), 1), 1.0 - checked_gap(noop_gap, "noop_gap")), rewards])
        beta = 0
    states, actions = rewards.shape
    if matrix.nnz * actions > _LARGEST_TABLE:
        raise InputError(
            f"the {name} of {states} states and {actions} actions has {matrix.nnz * actions:.3g} transitions: at most "
            f"{_LARGEST_TABLE:.3g} are built"
        )
    rows = matrix[np.repeat(np.arange(states), actions)]
    return AsynchronousMDP(FiniteMDP(rows, rewards, name=name), beta)


def regret_with_noop(noop_gap: float | None, agent: Callable[[int], float], every: int, delay: int) -> float | None:
    """Return phi g + (1 - phi) min(agent's regret, g): the agent may choose the no-op as well."""
    if noop_gap is None:
        return agent(delay) if every == 1 else None
    return (1 - 1 / every) * noop_gap + min(agent(delay), noop_gap) / every


def fresh_symbols(p: float, symbols: int) -> NDArray[np.float64]:
    """Law of a fresh symbol: 0 with probability p, each other with (1 - p) / (symbols - 1) <= p."""
    checked_count(symbols, 2, "symbols")
    checked_probability(p, 1 / symbols)
    return np.array([p] + [(1 - p) / (symbols - 1)] * (symbols - 1))
