r"""The learning part: what any agent must lose while it does not know the environment yet.

In a horizon of tau seconds there are n = tau / tau_I interactions (agent actions), of which the learners process a
share u. Lower bounds with explicit constants, each with the conditions of its theorem, which are enforced:

============================== ================================ ==================================================
name                           value                            conditions
============================== ================================ ==================================================
``gaussian-bandit``            (1/27) sqrt((k-1) n/u)           k >= 2, u n >= k-1; noise: see below
``bernoulli-bandit``           (1/57) sqrt((k-1) n/u)           k >= 2, u n >= 3.5 (k-1)
``bernoulli-bandit-published`` (1/20) sqrt(n k)                 n >= k >= 2
``finite-mdp``                 c sqrt(D S A n)                  S, A >= 10, D >= 20 log_A S, n >= D S A
``episodic``                   sqrt(H^3 S A K) / (48 sqrt 6)    S >= 6, A >= 2, H >= 3 d, K >= H S A
``feedback-latency``           (1 - 1/k) min(n, G)              k >= 2
============================== ================================ ==================================================

Values are multiplied by the reward range. The Gaussian bound then is that of noise whose standard
deviation is the reward range: a larger range with noise of variance 1 is easier to learn, and the product no bound.

References: Lattimore & Szepesvari 2020, Theorem 15.2 (Gaussian, u = 1); Bubeck & Cesa-Bianchi 2012, Theorem 3.5
(published Bernoulli); Jaksch, Ortner & Auer 2010, Theorem 5; Domingues, Menard, Kaufmann & Valko 2021, Theorem 9. The
other Bernoulli constant and the share u < 1 are derived in docs/theory: only processed interactions carry information,
so the gap that cannot be distinguished grows by 1/sqrt(u).
"""

import math
from dataclasses import dataclass
from typing import Literal

from ..errors import InputError
from .checks import check_count, check_positive, check_probability
from .learning_theorems import (
    MDP_CONSTANT,
    MDP_CONSTANT_PUBLISHED,
    THEOREMS,
    LearningProblem,
    supported_mdp_constant,
)

__all__ = [
    "LEARNING_BOUNDS",
    "MDP_CONSTANT",
    "MDP_CONSTANT_PUBLISHED",
    "LearningBound",
    "LearningPart",
    "learners_to_keep_up",
    "learning_bound",
    "linear_parts_dominate_after",
    "processed_share",
    "supported_mdp_constant",
]


@dataclass(frozen=True)
class LearningBound:
    """A lower bound on the learning regret with what it rests on.

    Attributes
    ----------
    name
        One of ``LEARNING_BOUNDS``.
    value
        Regret over all interactions, in reward.
    interactions
        n.
    share
        u, the share of the interactions that learners process.
    constant
        The constant in front of the root (or of min(n, G)).
    reward_range
        The reward that one action controls; the value is proportional to it.
    unmet
        Conditions of the theorem that do not hold (empty unless flags were asked for): the value is then no bound.
    conditions
        The conditions, as text.
    assumptions
        What else must hold.
    reference
        Where the bound is proved.
    """

    name: str
    value: float
    interactions: float
    share: float
    constant: float
    reward_range: float
    unmet: tuple[str, ...]
    conditions: tuple[str, ...]
    assumptions: tuple[str, ...]
    reference: str

    @property
    def holds(self) -> bool:
        """Whether every condition of the theorem is met."""
        return not self.unmet


@dataclass(frozen=True, kw_only=True)
class LearningPart:
    """What is to be learned, and who learns it: the question behind the learning part of a bound.

    The number of actions A (or k) is the scenario's.

    Parameters
    ----------
    learning_bound
        Add a lower bound on the regret of learning: gaussian-bandit, bernoulli-bandit, bernoulli-bandit-published,
        finite-mdp, episodic or feedback-latency. It needs a horizon.
    states
        Number of states of the learning problem, S.
    diameter
        Diameter of the learning problem in frames.
    episode_length
        Length of an episode in frames.
    feedback_latency
        Frames until a reward is known to the learner.
    learning_constant
        Constant of the finite-mdp bound: 0.0032 is what the proof supports, 0.015 what was published.
    learning_weight
        Share w of the reward that has to be learned; the delay part weighs 1 - w.
    reward_range
        Reward per frame that the learned part of an action controls.
    learners
        Number of learner processes, N_L; all interactions are processed if not given.
    batch_time
        Time that a learner takes for a batch: seconds, or 20ms.
    batch_size
        Interactions in a batch.
    replay_ratio
        How often each interaction is replayed.

    Raises
    ------
    InputError
        For a field that would have no effect.

    Notes
    -----
    With a ``learning_weight`` the witness is the product with reward (1-w) r_delay + w r_learning, so that all rewards
    stay in [0, 1]: the gap of a wrong action is multiplied by 1-w, ``reward_range`` by w. Without one both are taken
    as they are; the rewards of the product then reach up to their sum.
    """

    learning_bound: str | None = None
    states: int | None = None
    diameter: float | None = None
    episode_length: float | None = None
    feedback_latency: float | None = None
    learning_constant: float | None = None
    learning_weight: float | None = None
    reward_range: float = 1.0
    learners: int | None = None
    batch_time: float | str | None = None
    batch_size: int = 1
    replay_ratio: float = 1.0

    def __post_init__(self) -> None:
        if self.learning_bound is None:
            for name in _OF_THE_THEOREM:
                if getattr(self, name) is not None:
                    raise InputError(f"{name.replace('_', ' ')} has no effect without a learning bound")
        if self.batch_time is not None:
            from ..laws import parse_seconds  # not at the top: the command line's help reads this module

            object.__setattr__(self, "batch_time", parse_seconds(self.batch_time, "batch time"))
        else:
            for name, usual in (("batch_size", 1), ("replay_ratio", 1.0)):
                if getattr(self, name) != usual:
                    value = getattr(self, name)
                    raise InputError(f"{name.replace('_', ' ')} {value} has no effect without a batch time")


_OF_THE_THEOREM = (
    "states",
    "diameter",
    "episode_length",
    "feedback_latency",
    "learning_constant",
    "learning_weight",
)

LEARNING_BOUNDS: tuple[str, ...] = tuple(THEOREMS)
"""Names of the learning bounds, as in the API and on the command line."""


def learning_bound(
    name: str,
    *,
    interactions: float,
    actions: int | None = None,
    states: int | None = None,
    diameter: float | None = None,
    episode_length: float | None = None,
    latency: float | None = None,
    share: float = 1.0,
    constant: float | None = None,
    reward_range: float = 1.0,
    outside: Literal["raise", "flag"] = "raise",
) -> LearningBound:
    """Return a lower bound on the learning regret over n interactions.

    Parameters
    ----------
    name
        One of ``LEARNING_BOUNDS``.
    interactions
        n, agent actions within the horizon.
    actions
        k or A, at least 2.
    states
        S.
    diameter
        D in interactions (a diameter in frames times frame time / interaction time).
    episode_length
        H in interactions.
    latency
        G, interactions until a reward is known to the learner.
    share
        u, the share of interactions that learners process, in [0, 1].
    constant
        c of the finite-MDP bound. By default ``MDP_CONSTANT`` (or less, where the proof supports less);
        ``MDP_CONSTANT_PUBLISHED`` is the one printed in the paper.
    reward_range
        The reward that one action controls.
    outside
        "raise": an unmet condition is an error. "flag": the formula's value is returned with ``unmet`` filled.

    Returns
    -------
    LearningBound
        The value with constant, conditions, assumptions and reference.

    Raises
    ------
    InputError
        For an unknown name, a missing or unusable argument, or a condition of the theorem that is not met.

    Examples
    --------
    >>> round(learning_bound("gaussian-bandit", interactions=2700, actions=4).value, 9)
    3.333333333
    >>> learning_bound("gaussian-bandit", interactions=2, actions=4)
    Traceback (most recent call last):
    regretlab.errors.InputError: learning bound 'gaussian-bandit' needs at least 3 processed interactions, not 2
    """
    if name not in THEOREMS:
        raise InputError(f"unknown learning bound '{name}': choose one of {', '.join(LEARNING_BOUNDS)}")
    if not 0 <= interactions < math.inf:
        raise InputError(f"interactions must be a finite number of at least 0, not {interactions!r}")
    if outside not in ("raise", "flag"):
        raise InputError(f"outside must be 'raise' or 'flag', not {outside!r}")
    check_probability(share, "the processed share")
    check_positive(reward_range, "reward range")
    if constant is not None and name != "finite-mdp":
        raise InputError(f"only learning bound 'finite-mdp' has a constant to choose, not '{name}'")
    problem = LearningProblem(
        name, float(interactions), float(share), actions, states, diameter, episode_length, latency, constant
    )
    answer = THEOREMS[name](problem)
    unmet = tuple(
        f"learning bound '{name}' needs at least {text}, not {given}"
        for text, met, given in answer.conditions
        if not met
    )
    if unmet and outside == "raise":
        raise InputError(unmet[0])
    return LearningBound(
        name=name,
        value=reward_range * answer.constant * answer.root,
        interactions=problem.interactions,
        share=problem.share,
        constant=answer.constant,
        reward_range=float(reward_range),
        unmet=unmet,
        conditions=tuple(f"at least {text}" for text, _, _ in answer.conditions),
        assumptions=answer.assumptions,
        reference=answer.reference,
    )


def processed_share(
    learners: int, batch_time: float, interaction_time: float, *, batch_size: int = 1, replay_ratio: float = 1.0
) -> float:
    """Return u = min(1, N_L B tau_I / (rho tau_L)), the share of interactions that learners process.

    Parameters
    ----------
    learners
        N_L, learner processes.
    batch_time
        tau_L, seconds a learner needs for a batch.
    interaction_time
        tau_I, mean seconds between agent actions (``inf`` if there are none).
    batch_size
        B, samples a batch.
    replay_ratio
        rho, times each interaction is to be replayed.

    Examples
    --------
    >>> processed_share(2, 0.4, 0.1)
    0.5
    """
    count = check_count(learners, "learners", 1)
    if not interaction_time > 0:
        raise InputError(f"interaction time must be a positive number of seconds, not {interaction_time!r}")
    work = check_positive(replay_ratio, "replay ratio") * check_positive(batch_time, "batch time")
    return min(1.0, count * check_count(batch_size, "batch size", 1) * interaction_time / work)


def learners_to_keep_up(
    batch_time: float, interaction_time: float, *, batch_size: int = 1, replay_ratio: float = 1.0
) -> int:
    """Return N_L* = ceil(rho tau_L / (B tau_I)), the fewest learners that process every interaction.

    Parameters
    ----------
    batch_time, interaction_time, batch_size, replay_ratio
        As for ``processed_share``.

    Examples
    --------
    >>> learners_to_keep_up(0.45, 0.1)
    5
    """
    work = check_positive(replay_ratio, "replay ratio") * check_positive(batch_time, "batch time")
    rate = check_count(batch_size, "batch size", 1) * check_positive(interaction_time, "interaction time")
    return max(1, math.ceil(work / rate - 1e-9))


def linear_parts_dominate_after(bound: LearningBound, interaction_time: float, rate: float) -> float:
    """Return the seconds after which inaction and delay exceed the learning part.

    The root of n grows as the root of time, inaction and delay grow linearly: for a finite MDP the two are equal at
    (c^2 D S A / tau_I) / rate^2.

    Parameters
    ----------
    bound
        A learning bound that grows as the root of n (any but "feedback-latency").
    interaction_time
        tau_I in seconds.
    rate
        Inaction and delay regret per second, positive.

    Examples
    --------
    >>> bound = learning_bound("gaussian-bandit", interactions=2700, actions=4)
    >>> round(linear_parts_dominate_after(bound, 0.1, 0.01), 6)
    411.522634
    """
    if bound.name == "feedback-latency":
        raise InputError("learning bound 'feedback-latency' stops growing and has no root of n to compare with")
    if bound.interactions == 0:
        raise InputError("the learning bound must be over at least one interaction, not 0")
    per_root = bound.value / math.sqrt(bound.interactions)
    return (per_root / check_positive(rate, "rate")) ** 2 / check_positive(interaction_time, "interaction time")
