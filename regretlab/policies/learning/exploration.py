"""Random actions that are held: what a game that answers to a button kept down needs in order to be explored.

Which decisions begin a new random action, and which action it is, depends on the number of the decision and the seed
alone. So workers that decide in turn hold the same action without a word between them.

References
----------
Dabney, Ostrovski & Barreto 2021, "Temporally-extended epsilon-greedy exploration". Random bits: Steele, Lea & Flood
2014, "Fast splittable pseudorandom number generators", the finaliser of SplitMix64.
"""

__all__ = ["HeldExploration"]

_WORD = (1 << 64) - 1


class HeldExploration:
    """Time cut into pieces of geometric length; in a share epsilon of the pieces one random action is played.

    Parameters
    ----------
    seed
        Of the pieces and their actions.
    hold
        Mean length of a piece in decisions, at least 1.

    Examples
    --------
    >>> exploration = HeldExploration(seed=3, hold=4.0)
    >>> [exploration.action(number, epsilon=1.0, actions=6) for number in range(10)]
    [5, 5, 5, 5, 5, 4, 4, 4, 5, 5]
    >>> exploration.action(5, epsilon=0.0, actions=6) is None
    True
    """

    def __init__(self, seed: int, hold: float) -> None:
        self._seed, self._share = self._mixed(seed + 1), 1.0 / hold

    def action(self, number: int, epsilon: float, actions: int) -> int | None:
        """Return the random action of a decision, or None if it is not random.

        Parameters
        ----------
        number
            Counts the decisions, from 0.
        epsilon
            Share of random decisions.
        actions
            Number of actions.
        """
        first = number
        while first > 0 and self._uniform(first, 0) >= self._share:
            first -= 1
        if self._uniform(first, 1) >= epsilon:
            return None
        return int(self._uniform(first, 2) * actions)

    def _uniform(self, number: int, which: int) -> float:
        return (self._mixed(self._seed ^ (3 * number + which)) >> 11) * 2.0**-53

    @staticmethod
    def _mixed(word: int) -> int:
        word = (word * 0x9E3779B97F4A7C15 + 0x9E3779B97F4A7C15) & _WORD
        word = ((word ^ (word >> 30)) * 0xBF58476D1CE4E5B9) & _WORD
        word = ((word ^ (word >> 27)) * 0x94D049BB133111EB) & _WORD
        return word ^ (word >> 31)
