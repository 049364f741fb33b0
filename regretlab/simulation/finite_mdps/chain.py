"""Finite MDPs prepared for play, and a run of one."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...errors import InputError
from ...mdp import AsynchronousMDP, FiniteMDP
from ..draws import random_state
from ..sliding import SlidingStates
from ..tallies import Counter
from ._kernels import BY_STATE, DRAWN, REPEAT, columns_of, fill_rows, play

__all__ = ["MDPChain", "MDPTables", "tabulate"]

MOST_STATE_BITS = 20
WASTE = 1.5
SMALL = 1 << 16
"""Words: alias rows are made equally long if that takes at most ``WASTE`` times the memory, or no more than this."""


@dataclass(frozen=True, eq=False)
class AliasRows:
    """Discrete laws, one a row, as alias words (see ``_kernels.fill_rows``).

    Rows of about the same length get the same number of columns, which saves a look at where a row begins.
    """

    power: int
    rows: NDArray[np.int64]
    words: NDArray[np.uint64]
    state_bits: int

    @classmethod
    def of(cls, matrix: Any) -> "AliasRows":
        """Return the rows of a sparse stochastic matrix in compressed rows."""
        state_bits = max(1, (matrix.shape[1] - 1).bit_length())
        if state_bits > MOST_STATE_BITS:
            raise InputError(f"at most {2**MOST_STATE_BITS} states can be simulated, not {matrix.shape[1]}")
        first = matrix.indptr.astype(np.int64)
        lengths, counts = np.unique(np.diff(first), return_counts=True)
        powers = [columns_of(int(length)) for length in lengths]
        needed = sum(int(count) << power for count, power in zip(counts, powers, strict=True))
        even = (len(first) - 1) << max(powers)
        power = max(powers) if even <= max(WASTE * needed, SMALL) else -1
        rows = np.empty(len(first) - 1 if power < 0 else 0, np.int64)
        words = np.empty(needed if power < 0 else even, np.uint64)
        probabilities = np.ascontiguousarray(matrix.data, dtype=np.float64)
        fill_rows(first, matrix.indices.astype(np.int32), probabilities, state_bits, power, rows, words)
        return cls(power, rows, words, state_bits)


@dataclass(frozen=True, eq=False)
class MDPTables:
    """An MDP, a policy and a default behaviour prepared for play.

    Attributes
    ----------
    transitions
        Rows s * A + a.
    behaviour
        Number of the default behaviour in the kernels.
    default
        Laws of its action by state, where it draws one.
    actions
        Array of shape (J + 1, S): the agent's action of delay d in row d (the last row also for longer delays); row 0
        is the default behaviour's.
    values
        Array of shape (S * A, 2): reward and gap.
    """

    transitions: AliasRows
    behaviour: int
    default: AliasRows
    actions: NDArray[np.int32]
    values: NDArray[np.float64]


def tabulate(process: AsynchronousMDP, policy: ArrayLike, gaps: NDArray[np.float64] | None) -> MDPTables:
    """Prepare an MDP for play.

    Parameters
    ----------
    process
        The MDP with its default behaviour (none given: the rule must serve every frame, which is checked after play).
    policy
        Integer array of shape (S,): action for an observation; or (J, S): for an observation and a delay of 1..J frames
        (the last row also for longer ones).
    gaps
        gap*(s, a), shape (S, A); ``None``: not known, counted as 0.
    """
    mdp: FiniteMDP = process.mdp
    table = np.atleast_2d(np.asarray(policy))
    if table.dtype.kind not in "iu" or table.ndim != 2 or table.shape[1] != mdp.states or len(table) == 0:
        raise InputError(
            f"a policy of shape {np.shape(policy)} and type {table.dtype} does not fit: give integers of shape "
            f"({mdp.states},) or (delays, {mdp.states})"
        )
    if table.min() < 0 or table.max() >= mdp.actions:
        raise InputError(f"the policy holds actions outside 0..{mdp.actions - 1}")
    default = np.zeros((1, mdp.states), np.int64)
    laws = np.full((1, 1), 1.0)
    behaviour = BY_STATE
    if process.repeats:
        behaviour = REPEAT
    elif process.beta is not None:
        default = process.beta.argmax(axis=1)[None, :]
        if not np.all(process.beta.max(axis=1) == 1.0):
            behaviour, laws = DRAWN, process.beta
    if gaps is None:
        gaps = np.zeros(mdp.rewards.shape)
    elif gaps.shape != mdp.rewards.shape:
        raise InputError(f"gaps of shape {gaps.shape} do not fit: {mdp.rewards.shape} is needed")
    from scipy import sparse

    return MDPTables(
        transitions=AliasRows.of(mdp.transitions),
        behaviour=behaviour,
        default=AliasRows.of(sparse.csr_array(laws)),
        actions=np.ascontiguousarray(np.concatenate([default, table]), dtype=np.int32),
        values=np.stack([mdp.rewards.ravel(), gaps.ravel()], axis=1),
    )


class MDPChain:
    """A run of an MDP, played a block of frames at a time.

    Parameters
    ----------
    tables
        The MDP.
    start
        State of frame 0.
    chains
        Independent copies of the MDP to play on the same service; sums are means over them.
    seed
        Of its moves.
    block
        Frames of the longest block, a multiple of the random lanes.
    """

    def __init__(self, tables: MDPTables, start: int, chains: int, seed: np.random.SeedSequence, block: int) -> None:
        self._tables, self._chains = tables, chains
        self._random = random_state(seed)
        self._bits = np.empty(block * chains, np.uint64)
        self._default_bits = np.empty(block * chains if tables.behaviour == DRAWN else 0, np.uint64)
        self._repeated = np.full(chains, tables.actions[0, start], np.int64)
        self._states = SlidingStates(block, start, chains)

    def play(
        self, served: NDArray[np.int32], count: int, acted: NDArray[np.int32], reach: int, counter: Counter
    ) -> None:
        """Play the frames of a block, served with delays up to ``reach``."""
        tables, states = self._tables, self._states
        states.keep(reach)
        play(
            tables.behaviour, served, count, self._random, self._bits, self._default_bits,
            tables.transitions.power, tables.transitions.rows, tables.transitions.words, tables.transitions.state_bits,
            tables.default.power, tables.default.rows, tables.default.words, tables.default.state_bits,
            tables.actions, tables.values, self._chains, states.states, states.first, self._repeated, counter.sums,
        )  # fmt: skip
        states.advance(count)
