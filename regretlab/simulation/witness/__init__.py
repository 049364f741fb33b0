"""The witness chains as the simulator plays them."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...errors import InputError
from ..draws import random_state
from ..sliding import SlidingStates
from ..tallies import Counter
from ._kernels import CARRIED, EVER, FRESH_STATES, RING, STAYS, play

__all__ = ["STAYS", "Witness", "WitnessChain"]


MOST_SYMBOLS = 2**30
"""A sum of two of them fits into 32 bits."""


@dataclass(frozen=True)
class Witness:
    """A witness chain: the ring of K symbols, or the chain of fresh states where ``symbols`` is ``None``.

    Attributes
    ----------
    p
        Mode probability per frame.
    symbols
        K, or ``None``.
    """

    p: float
    symbols: int | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.p <= 1:
            raise InputError(f"mode probability must lie in [0, 1], not {self.p!r}")
        if self.symbols is not None:
            if self.symbols < 2:
                raise InputError(f"symbols must be a whole number of at least 2, not {self.symbols}")
            if self.symbols > MOST_SYMBOLS:
                raise InputError(f"at most {MOST_SYMBOLS} symbols are simulated, not {self.symbols}")
            if self.p < 1 / self.symbols:
                raise InputError(
                    f"mode probability must lie in [1/{self.symbols}, 1] for {self.symbols} symbols, not {self.p!r}"
                )

    @property
    def kind(self) -> int:
        """Number of the chain in the kernels."""
        return FRESH_STATES if self.symbols is None else RING

    @property
    def jump(self) -> np.uint64:
        """Random 64-bit numbers below this are a jump."""
        return np.uint64(min(round((1.0 - self.p) * 2.0**64), 2**64 - 1))

    def describe(self, moves: bool = False) -> str:
        """Return the chain in a phrase."""
        if self.symbols is None:
            return "fresh states W1: the most likely state follows with probability p, else one not seen before"
        mode = f"the shown one {'moves on to the next' if moves else 'stays'} with probability p"
        return f"ring W2: {self.symbols} symbols, {mode}, else jumps uniformly to another"

    def eigenvalue(self) -> float:
        """The chain's lambda: right with 1/K + (1-1/K) lambda^d after d frames; p itself without symbols."""
        return self.p if self.symbols is None else (self.symbols * self.p - 1) / (self.symbols - 1)

    def guess_right(self) -> float:
        """Probability that an action drawn uniformly is right: 1/K, and 0 among infinitely many."""
        return 0.0 if self.symbols is None else 1.0 / self.symbols


class WitnessChain:
    """A run of a witness chain, played a block of frames at a time.

    Parameters
    ----------
    witness
        The chain.
    repeat
        Whether to see if the last action, repeated by the default behaviour, is right.
    seed
        Of its moves.
    block
        Frames of the longest block, a multiple of the random lanes.
    useful
        Age in frames past which an agent chooses the default action instead.
    target
        Where the mode moves on in every frame: the delay that the agent, who does not know it, makes its actions for
        (``useful`` -1: it always chooses the default action). ``STAYS``: the mode stays, or the agent knows the delay.
    """

    def __init__(
        self,
        witness: Witness,
        repeat: bool,
        seed: np.random.SeedSequence,
        block: int,
        *,
        useful: float = EVER,
        target: int = STAYS,
    ) -> None:
        self._witness, self._repeat, self._target = witness, repeat, target
        self._useful = int(min(EVER, max(0.0 if target == STAYS else -1.0, useful)))
        self._state = random_state(seed)
        self._bits = np.empty(block, np.uint64)
        self._carry = np.zeros(CARRIED, np.int64)
        self._chain = SlidingStates(block)

    def play(
        self, served: NDArray[np.int32], count: int, acted: NDArray[np.int32], reach: int, counter: Counter
    ) -> None:
        """Play the frames of a block, served with delays up to ``reach`` and by the agent in frames ``acted``."""
        chain = self._chain
        chain.keep(reach)
        play(
            self._witness.kind, self._repeat, self._useful, served, count, acted, len(acted), self._state, self._bits,
            self._witness.jump, self._witness.symbols or 0, chain.states, chain.first, self._carry, counter.row,
            self._target,
        )  # fmt: skip
        chain.advance(count)
